package mail

// yours words what happens to people for themselves.
var yours = map[string]wording{
	"user.invited": {
		Title:  "You are invited",
		Means:  "Somebody has made you a user of this account. Choose a password to join.",
		Advice: "If you do not know the account or whoever invited you, ignore this mail: without a password nothing comes of it.",
		Button: "Choose a password",
	},
	"user.joined": {
		Title:  "Welcome",
		Means:  "You have chosen a password, and can log in with it and this address.",
		Advice: "If this was not you, somebody else has read your mail: tell an owner of the account.",
	},
	"user.changed": {
		Title:  "Your user was changed",
		Means:  "What you and your tokens may do in this account follows from it at once.",
		Advice: "If you did not expect this, ask an owner of the account.",
	},
	"user.removed": {
		Title:  "You were removed",
		Means:  "You are no user of this account any more. Your sessions have ended, and the tokens you made have stopped working.",
		Advice: "If you did not expect this, ask an owner of the account.",
	},
	"password.requested": {
		Title:  "Choose a new password",
		Means:  "Somebody, perhaps you, has said that you forgot your password. You can choose another one now. A second factor, if you have one, is still asked for when you log in.",
		Advice: "If this was not you, ignore this mail: your password stays as it is.",
		Button: "Choose a new password",
	},
	"password.changed": {
		Title:  "Your password was changed",
		Means:  "Your other sessions have ended. Tokens go on working.",
		Advice: "If this was not you, say at once that you forgot your password, choose another one, and revoke what tokens you do not recognise.",
	},
	"factor.enrolled": {
		Title:  "A second factor was added",
		Means:  "From now on a login is not enough by itself: it has to be unlocked with a second factor.",
		Advice: "If this was not you, somebody else has your password: change it, remove the factor, and tell an owner of the account.",
	},
	"factor.removed": {
		Title:  "A second factor was removed",
		Means:  "Your logins cannot be unlocked with it any more.",
		Advice: "If this was not you, change your password, add the factor again, and tell an owner of the account.",
	},
	"factor.requested": {
		Title:  "Your code",
		Means:  "Type this code where you were asked for it.",
		Advice: "If nobody asked you for a code, somebody else has your password: change it. Tell the code to nobody; no one has reason to ask you for it.",
	},
	"factor.refused": {
		Title:  "A login failed at the second factor",
		Means:  "Somebody had your password and gave a wrong second factor too often.",
		Advice: "If this was not you, change your password: somebody else knows it.",
	},
	"codes.renewed": {
		Title:  "Your recovery codes were replaced",
		Means:  "The old recovery codes have stopped working.",
		Advice: "If this was not you, change your password, make recovery codes anew, and tell an owner of the account.",
	},
	"codes.used": {
		Title:  "A recovery code was used",
		Means:  "It stood in for your second factor, and does not work again.",
		Advice: "If this was not you, somebody else has your password and your recovery codes: change the one, and replace the others.",
	},
	"handover.offered": {
		Title:  "The ownership of the account is offered",
		Means:  "An owner asks another user to take their place. It comes true when that user accepts, within seven days; the owner then stays as an admin.",
		Advice: "Whoever is to be the owner accepts or declines in the dashboard. If you did not expect this, ask the owner.",
	},
	"handover.accepted": {
		Title:  "The ownership of the account has passed on",
		Means:  "The user who accepted is an owner now. Whoever offered it is an admin.",
		Advice: "If you did not expect this, ask the other owners, or who operates this deployment.",
	},
	"handover.withdrawn": {
		Title:  "The ownership of the account is offered no more",
		Means:  "The offer was withdrawn or declined. Everybody stays what they were.",
		Advice: "If you did not expect this, ask the other party.",
	},
	"session.novel": {
		Title:  "A login from a new network",
		Means:  "Your password was used from a network that you had not logged in from before.",
		Advice: "If this was not you, change your password: that ends all other sessions. Then look at your tokens.",
	},
	"session.refused": {
		Title:  "A login with your password was refused",
		Means:  "The password was right, but the account's policy lets nobody log in from there.",
		Advice: "If this was not you, change your password: somebody else knows it.",
	},
}

// theirs words what happens to people for the owners of the account.
var theirs = map[string]wording{
	"user.joined": {
		Title:  `"{user}" has joined`,
		Means:  "The user has chosen a password and can log in.",
		Advice: "If you did not expect this, disable the user: their sessions and tokens stop working at once.",
	},
	"user.changed": {
		Title:  `The user "{user}" was changed`,
		Means:  "What the user and their tokens may do in this account follows from it at once.",
		Advice: "If you did not expect this, undo it, and ask whoever did it.",
	},
	"user.removed": {
		Title:  `The user "{user}" was removed`,
		Means:  "Their sessions have ended, and the tokens they made have stopped working. An invitation that was open cannot be used any more.",
		Advice: "If you did not expect this, ask whoever did it. Give programs that used those tokens new ones.",
	},
	"password.changed": {
		Title:  `The password of "{user}" was changed`,
		Means:  "The user's other sessions have ended. Their tokens go on working.",
		Advice: "If it was not them, disable the user: their sessions and tokens stop working at once.",
	},
	"factor.enrolled": {
		Title:  `"{user}" added a second factor`,
		Means:  "The user's logins have to be unlocked with a second factor.",
		Advice: "If it was not them, disable the user: their sessions and tokens stop working at once.",
	},
	"factor.removed": {
		Title:  `A second factor of "{user}" was removed`,
		Means:  "The user's logins cannot be unlocked with it any more.",
		Advice: "If neither they nor an admin did it, disable the user: their sessions and tokens stop working at once.",
	},
	"factor.refused": {
		Title:  `A login as "{user}" failed at the second factor`,
		Means:  "Somebody had the user's password and gave a wrong second factor too often.",
		Advice: "Ask the user whether it was them. If not, have them change their password.",
	},
	"codes.renewed": {
		Title:  `The recovery codes of "{user}" were replaced`,
		Means:  "The user's old recovery codes have stopped working.",
		Advice: "If it was not them, disable the user: their sessions and tokens stop working at once.",
	},
	"codes.used": {
		Title:  `A recovery code of "{user}" was used`,
		Means:  "It stood in for the user's second factor, and does not work again.",
		Advice: "Ask the user whether it was them. If not, disable the user.",
	},
	"handover.offered":   yours["handover.offered"],
	"handover.accepted":  yours["handover.accepted"],
	"handover.withdrawn": yours["handover.withdrawn"],
	"notice.suppressed": {
		Title:  `Mails to "{user}" are not delivered`,
		Means:  "A mail to their address came back for good, or was complained of. The user is not written to any more.",
		Advice: "Ask them for an address that works and invite them with it. If the address is right, whoever operates this deployment can let it be written to again.",
	},
}
