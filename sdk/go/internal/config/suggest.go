// Names that may have been meant.

package config

// Suggest asks whether a name that is like another one was meant.
func Suggest(name string, known []string) string {
	best, least := "", 3
	for _, other := range known {
		if distance := distance(name, other); distance < least && distance < len(other) {
			best, least = other, distance
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean `" + best + "`?"
}

// distance says how many letters are changed, added or left out between two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost = min(before, row[j], row[j+1]) + 1
			}
			before, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
