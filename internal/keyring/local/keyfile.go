package local

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const (
	keyFile = "keyring.key"
	keySize = 32
)

// readKey gives the folder's key, and makes it where there is none. Of several that make it at once, one does.
func readKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, keyFile)
	key, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := create(dir, path); err != nil {
		return nil, fmt.Errorf("local: making the key: %w", err)
	}
	return load(path)
}

// load reads the key, or says why the file is none.
func load(path string) ([]byte, error) {
	f, err := os.Open(path) //#nosec G304 -- in the folder that the operator names
	if err != nil {
		return nil, fmt.Errorf("local: the key: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("local: the key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("local: %s is not a file", path)
	}
	// Windows has no such bits: there, the folder's access list decides.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("local: others than its owner may use %s (mode %04o). If nobody has read it: chmod 600 %[1]s", path, mode)
	}
	key := make([]byte, keySize+1)
	switch n, err := io.ReadFull(f, key); {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("local: the key: %w", err)
	case n != keySize:
		return nil, fmt.Errorf("local: %s is no key: it has %d bytes, not %d. Without the right one, no token can be revealed; put it back from a copy", path, info.Size(), keySize)
	}
	return key[:keySize], nil
}

// create puts a new key at path, where there is none. It is written under another name first and given its own, which
// fails where there is one already, only when all of it is on the disk.
func create(dir, path string) (err error) {
	f, err := os.CreateTemp(dir, ".keyring-*") // for its owner only
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	_, err = f.Write(key)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(dir)
}

// syncFolder makes the file's name as lasting as the file.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // which cannot open a folder for it
	}
	d, err := os.Open(dir) //#nosec G304 -- the folder that the operator names
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
