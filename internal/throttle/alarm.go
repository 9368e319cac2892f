package throttle

// alarmEvery is how many wrong factors of a user apart somebody is to be told of them.
const alarmEvery = 10

// Alarm tells, of an attempt to show a factor that has failed, how many of the user's the attempt is, over all sessions and
// networks, of those that are not forgotten yet; and whether somebody is to be told: at every tenth. What is not counted for
// the user as a whole is none. Whoever goes on at the counter's bound is told of no more.
func (t *Throttle) Alarm(k Ticket) (failures int, due bool) {
	if k.user == nil {
		return 0, false
	}
	now := t.Now()
	before, failures := k.user.level(now), k.user.counted(now).count
	return failures, failures > before && failures%alarmEvery == 0
}
