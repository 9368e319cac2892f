package local

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"keyfob/internal/keyring"
	"keyfob/internal/keyring/keyringtest"
)

var binding = keyring.Binding{Account: "acc_EXAMPLEaccount01", Token: "tok_EXAMPLEexample01"}

func open(t *testing.T, dir string) *Ring {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheContract(t *testing.T) {
	keyringtest.Run(t, func(t *testing.T) keyring.Ring { return open(t, t.TempDir()) })
}

func TestTheKeyIsMadeOnceForItsOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	sealed, err := open(t, dir).Seal(t.Context(), []byte("a text"), binding)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, dir).Open(t.Context(), sealed, binding); err != nil || string(got) != "a text" {
		t.Errorf("opened again: %q, %v", got, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "keyring.key" {
		t.Fatalf("%v, %v", files, err)
	}
	info, err := files[0].Info()
	if err != nil || info.Size() != 32 || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("%v, %d bytes, %v", info.Mode(), info.Size(), err)
	}
}

func TestOfManyWhoMakeTheKeyAtOnceAllHaveTheSame(t *testing.T) {
	dir := t.TempDir()
	keys := make([][]byte, 16)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := readKey(dir)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	all.Wait()
	for _, key := range keys {
		if !bytes.Equal(key, keys[0]) || len(key) != keySize {
			t.Fatal("there are two keys")
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestWhatIsNoKeyIsRefusedAndLeftAsItIs(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		mode    os.FileMode
		say     string
	}{
		"empty":               {nil, 0o600, "0 bytes"},
		"short":               {make([]byte, 31), 0o600, "31 bytes"},
		"long":                {make([]byte, 33), 0o600, "33 bytes"},
		"much longer":         {make([]byte, 1<<20), 0o600, "1048576 bytes"},
		"read by the group":   {make([]byte, 32), 0o640, "chmod 600"},
		"read by everybody":   {make([]byte, 32), 0o604, "chmod 600"},
		"written by anybody":  {make([]byte, 32), 0o602, "chmod 600"},
		"closed to its owner": {make([]byte, 32), 0o000, ""}, // root reads it all the same
	} {
		t.Run(name, func(t *testing.T) {
			if c.mode != 0o600 && runtime.GOOS == "windows" || c.mode == 0 && os.Geteuid() == 0 {
				t.Skip("modes mean nothing here")
			}
			path := filepath.Join(t.TempDir(), "keyring.key")
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Open(filepath.Dir(path))
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.say) {
				t.Errorf("%v, want it to name the file and say %q", err, c.say)
			}
			if info, err := os.Stat(path); err != nil || info.Size() != int64(len(c.content)) {
				t.Errorf("the file was changed: %v, %v", info, err)
			}
		})
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "keyring.key"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a folder is taken for a key")
	}
	if _, err := Open(filepath.Join(dir, "absent")); err == nil {
		t.Error("a folder that is not there is taken")
	}
}

// What a process that died while it made the key has left is not taken for one.
func TestAHalfMadeKeyIsNone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".keyring-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if info, err := os.Stat(filepath.Join(dir, "keyring.key")); err != nil || info.Size() != keySize {
		t.Errorf("%v, %v", info, err)
	}
}

// The form is kept: what an earlier Keyfob has sealed has to open. The text was sealed apart from this package, by the
// standard library's plain GCM with a nonce and additional data that are written out here.
func TestTheFormIsKept(t *testing.T) {
	dir := t.TempDir()
	key := bytes.Repeat([]byte{7}, 32)
	if err := os.WriteFile(filepath.Join(dir, "keyring.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := []byte("twelve bytes")
	sealed := append([]byte{1}, nonce...)
	sealed = gcm.Seal(sealed, nonce, []byte("a text"), []byte("\x01\x14acc_EXAMPLEaccount01\x14tok_EXAMPLEexample01"))
	if text, err := open(t, dir).Open(t.Context(), sealed, binding); err != nil || string(text) != "a text" {
		t.Errorf("%q, %v", text, err)
	}
}
