package password

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// list holds the best-known passwords, one to a line, in lower case, without repetitions and sorted by their bytes: it can
// be exchanged for a longer one as it is. Where it comes from stands in docs/decisions/0019-common-passwords.md.
//
//go:embed common.txt
var list string

// listed reports whether the list has the word. It looks for it in the text as it is embedded: a set would have to be made
// first, by each process that ever checks a password.
func listed(s string) bool {
	from, to := 0, len(list) // both where a line begins
	for from < to {
		line := from + strings.LastIndexByte(list[from:from+(to-from)/2], '\n') + 1
		end := line + strings.IndexByte(list[line:], '\n')
		switch word := list[line:end]; {
		case s == word:
			return true
		case s < word:
			to = line
		default:
			from = end + 1
		}
	}
	return false
}

// common reports whether a folded password is guessable: a run or a few of them, a short piece over and over, or on
// the list, also with too little around it, doubled, with signs between its words or digits for letters.
func common(s string) bool {
	if little(s) {
		return true
	}
	piece := period(s)
	for _, c := range undecorated(piece) {
		if slices.ContainsFunc(respelled(c), listed) || slices.ContainsFunc(respelled(period(c)), listed) {
			return true
		}
	}
	return false
}

// little reports whether s would be too short for a password if runs and repetitions counted once.
func little(s string) bool {
	return weight(s) < MinLengthWithMFA || weight(period(s)) < MinLengthWithMFA
}

// undecorated gives s itself, s without any signs, and what is left of s without the signs, or without the signs and
// digits, around it, where that is too little to make it a different password.
func undecorated(s string) []string {
	all := []string{s, strings.Map(func(r rune) rune {
		if sign(r) {
			return -1
		}
		return r
	}, s)}
	for _, decoration := range []func(rune) bool{sign, func(r rune) bool { return !unicode.IsLetter(r) }} {
		core := strings.TrimFunc(s, decoration)
		if core != s && core != "" && little(strings.Replace(s, core, "", 1)) {
			all = append(all, core)
		}
	}
	return all
}

func sign(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// respelled gives s and what it may stand for when digits and signs stand for letters; 1 for either of two.
func respelled(s string) []string {
	letters := strings.NewReplacer("0", "o", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "8", "b", "!", "i")
	t := letters.Replace(s)
	return []string{s, strings.ReplaceAll(t, "1", "i"), strings.ReplaceAll(t, "1", "l")}
}

// period gives the shortest piece that s is a repetition of, at least twice and perhaps begun once more; else s.
func period(s string) string {
	r := []rune(s)
	for n := 1; n <= len(r)/2; n++ {
		if slices.Equal(r[n:], r[:len(r)-n]) {
			return string(r[:n])
		}
	}
	return s
}

// walks are the ways that fingers and minds go; each also backwards.
func walks() []string {
	return []string{
		"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm",
		"azertyuiop", "qsdfghjklm", "wxcvbn", "1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "!@#$%^&*()",
	}
}

// weight counts the characters of s, a run as one: 3 and more of the same character, or 4 and more steps of a walk.
func weight(s string) int {
	n := 0
	for s != "" {
		_, size := utf8.DecodeRuneInString(s)
		s = s[max(size, run(s)):]
		n++
	}
	return n
}

// run gives the length in bytes of the run that s begins with, 0 for none.
func run(s string) int {
	longest := 0
	first, size := utf8.DecodeRuneInString(s)
	if same := len(s) - len(strings.TrimLeft(s, string(first))); same >= 3*size {
		longest = same
	}
	for _, w := range walks() { // all ASCII
		i := strings.IndexByte(w, s[0])
		if i < 0 {
			continue
		}
		for _, step := range []int{1, -1} {
			n := 1
			for j := i + step; n < len(s) && 0 <= j && j < len(w) && w[j] == s[n]; j += step {
				n++
			}
			if n >= 4 {
				longest = max(longest, n)
			}
		}
	}
	return longest
}
