package password

import (
	"strings"
	"testing"
	"testing/quick"

	"golang.org/x/crypto/argon2"
)

// cheap is a hash by the least parameters that parse accepts, for tests that need many.
func cheap(plain string) string {
	h := hash{memory: 8, passes: 1, threads: 1, salt: []byte("saltsalt")}
	h.key = h.derive([]byte(plain), minKeyLen)
	return h.String()
}

func verify(t *testing.T, encoded, plain string) bool {
	t.Helper()
	ok, err := Verify(encoded, plain)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// S3: the stored string names the algorithm and parameters in the PHC format.
func TestAStoredHashTellsItsParameters(t *testing.T) {
	encoded, err := Hash("a quite long passphrase")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("encoded as %s", encoded)
	}
	h, err := parse(encoded)
	if err != nil || len(h.salt) != 16 || len(h.key) != 32 {
		t.Errorf("parsed: salt of %d bytes, key of %d, %v", len(h.salt), len(h.key), err)
	}
	again, _ := Hash("a quite long passphrase")
	if again == encoded {
		t.Error("two hashes of one password are the same")
	}
	if !verify(t, encoded, "a quite long passphrase") || verify(t, encoded, "a quite long passphrasE") || verify(t, encoded, "") {
		t.Error("Verify is wrong about the password")
	}
}

// The hash is one of the reference implementation's own test vectors.
func TestAForeignHashVerifies(t *testing.T) {
	const foreign = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if !verify(t, foreign, "password") || verify(t, foreign, "passwore") {
		t.Error("a hash of the reference implementation does not verify")
	}
}

// S1: no truncation. 72 bytes is where bcrypt stops reading.
func TestALongPasswordCountsToItsLastByte(t *testing.T) {
	for _, n := range []int{73, 129, MaxBytes} {
		long := strings.Repeat("0123456789abcdef", 64)[:n-1]
		encoded, err := Hash(long + "x")
		if err != nil {
			t.Fatal(err)
		}
		if !verify(t, encoded, long+"x") || verify(t, encoded, long+"y") || verify(t, encoded, long) {
			t.Errorf("of %d bytes the last does not count", n)
		}
	}
}

func TestTheSameCharactersAreTheSamePasswordHoweverTyped(t *testing.T) {
	encoded := cheap("pässwörter sind Å") // composed
	if !verify(t, encoded, "pa\u0308sswo\u0308rter sind A\u030a") || !verify(t, encoded, "pässwörter sind \u212b") {
		t.Error("a decomposed spelling is another password")
	}
	if verify(t, encoded, "passworter sind A") || verify(t, cheap("sind 2 A"), "sind ² A") || verify(t, cheap("sind 2 A"), "sind 2 Ａ") {
		t.Error("another character is the same password")
	}
}

func TestWhatNobodyCanHaveSetIsHashedAndVerifiedByNobody(t *testing.T) {
	encoded := cheap("x")
	for _, plain := range []string{"\xff\xfe long enough to be one", strings.Repeat("x", MaxBytes+1)} {
		if _, err := Hash(plain); err == nil {
			t.Errorf("Hash took %.20q", plain)
		}
		if verify(t, encoded, plain) {
			t.Errorf("Verify took %.20q", plain)
		}
	}
}

func TestAHostileStoredStringCostsNothing(t *testing.T) {
	good := "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if _, err := parse(good); err != nil {
		t.Fatalf("the pattern of this test is itself refused: %v", err)
	}
	for name, change := range map[string][2]string{
		"nothing":                  {good, ""},
		"plain text":               {good, "password"},
		"4 GiB of memory":          {"m=19456", "m=4194304"},
		"memory over the bound":    {"m=19456", "m=65537"},
		"memory over 32 bits":      {"m=19456", "m=4294986752"},
		"memory under 8 lanes":     {"m=19456", "m=7"},
		"no memory":                {"m=19456", "m=0"},
		"negative memory":          {"m=19456", "m=-1"},
		"too many passes":          {"t=2", "t=9"},
		"no pass":                  {"t=2", "t=0"},
		"too many threads":         {"p=1", "p=5"},
		"256 + 1 threads":          {"p=1", "p=257"},
		"no thread":                {"p=1", "p=0"},
		"leading zero":             {"t=2", "t=02"},
		"plus sign":                {"t=2", "t=+2"},
		"other order":              {"m=19456,t=2", "t=2,m=19456"},
		"one parameter more":       {"p=1", "p=1,x=1"},
		"one parameter less":       {",p=1", ""},
		"Argon2i":                  {"argon2id", "argon2i"},
		"bcrypt":                   {good, "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"},
		"old version":              {"v=19", "v=16"},
		"no salt":                  {"AAAAAAAAAAAAAAAAAAAAAA$", "$"},
		"short salt":               {"AAAAAAAAAAAAAAAAAAAAAA$", "AAAAAAA$"},
		"long salt":                {"AAAAAAAAAAAAAAAAAAAAAA$", strings.Repeat("AAAA", 22) + "$"},
		"no key":                   {"$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "$"},
		"short key":                {"$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "$AAAAAAAAAAAAAAAAAAAA"},
		"huge":                     {good, good + strings.Repeat("A", 1<<20)},
		"padding":                  {good, good + "="},
		"line break":               {"$v=19", "\n$v=19"},
		"line break in the base64": {good, good[:len(good)-4] + "\n" + good[len(good)-4:]},
		"bits that do not count":   {good, good[:len(good)-1] + "B"},
		"URL base64":               {"AAAAAAAAAAAAAAAAAAAAAA$", "AAAAAAAAAAAAAAAAAAAA_A$"},
		"one part more":            {good, good + "$"},
		"something before":         {good, "x" + good},
	} {
		encoded := strings.Replace(good, change[0], change[1], 1)
		if encoded == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		ok, err := Verify(encoded, "x")
		if ok || err == nil {
			t.Errorf("%s: Verify took %.80q", name, encoded)
		} else if strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%s: the error shows the hash: %v", name, err)
		}
		if !NeedsUpgrade(encoded) {
			t.Errorf("%s: needs no upgrade", name)
		}
	}
}

func TestOnlyWeakerHashesNeedAnUpgrade(t *testing.T) {
	at := func(memory, passes uint32, threads uint8, salt, key int) string {
		return hash{memory, passes, threads, make([]byte, salt), make([]byte, key)}.String()
	}
	for encoded, want := range map[string]bool{
		at(19456, 2, 1, 16, 32): false,
		at(65536, 3, 4, 32, 64): false,
		at(19455, 2, 1, 16, 32): true,
		at(19456, 1, 1, 16, 32): true,
		at(19456, 2, 1, 15, 32): true,
		at(19456, 2, 1, 16, 31): true,
	} {
		if got := NeedsUpgrade(encoded); got != want {
			t.Errorf("NeedsUpgrade(%s) = %t", encoded, got)
		}
	}
}

// S5: an unknown user costs the same work as a known one with a wrong password.
func TestTheDummyAsksForTheSameWorkAndMatchesNothing(t *testing.T) {
	real, err := Hash("a quite long passphrase")
	if err != nil {
		t.Fatal(err)
	}
	a, errA := parse(real)
	b, errB := parse(Dummy())
	if errA != nil || errB != nil || a.memory != b.memory || a.passes != b.passes || a.threads != b.threads ||
		len(a.salt) != len(b.salt) || len(a.key) != len(b.key) {
		t.Errorf("the dummy is %s", Dummy())
	}
	for _, plain := range []string{"", "password", "a quite long passphrase"} {
		if verify(t, Dummy(), plain) {
			t.Errorf("the dummy matches %q", plain)
		}
	}
	if NeedsUpgrade(Dummy()) {
		t.Error("the dummy needs an upgrade")
	}
}

func TestWhatParseAcceptsReencodesByteForByte(t *testing.T) {
	same := func(memory uint16, passes, threads, salt, key uint8) bool {
		h := hash{8*4 + uint32(memory), uint32(passes%maxPasses) + 1, threads%maxThreads + 1,
			make([]byte, minSaltLen+salt%(maxSaltLen-minSaltLen+1)), make([]byte, minKeyLen+key%(maxKeyLen-minKeyLen+1))}
		if h.memory > maxMemory {
			h.memory = maxMemory
		}
		got, err := parse(h.String())
		return err == nil && got.String() == h.String()
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(cheap("x"))
	f.Add(Dummy())
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, encoded string) {
		h, err := parse(encoded)
		if err != nil {
			return
		}
		if h.String() != encoded || h.memory > maxMemory || h.passes > maxPasses || h.threads > maxThreads {
			t.Errorf("parse took %q as %+v", encoded, h)
		}
	})
}

// BenchmarkVerify and BenchmarkBareArgon2 show, side by side, what Verify costs beside the hash itself.
func BenchmarkVerify(b *testing.B) {
	encoded, err := Hash("a quite long passphrase")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := Verify(encoded, "a quite long passphrase"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkBareArgon2(b *testing.B) {
	plain, salt := []byte("a quite long passphrase"), make([]byte, saltLen)
	b.ReportAllocs()
	for b.Loop() {
		argon2.IDKey(plain, salt, passes, memory, threads, keyLen)
	}
}
