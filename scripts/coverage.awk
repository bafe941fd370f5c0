# Sums a coverage profile per package. With -coverpkg every test binary lists every block: a block counts once, as
# covered when any of them ran it.
FNR > 1 && $1 != "mode:" {
	size[$1] = $2
	if ($3 > 0) ran[$1] = 1
}
END {
	for (block in size) {
		pkg = block
		sub(/\/[^\/]*$/, "", pkg)
		all[pkg] += size[block]
		total += size[block]
		if (block in ran) {
			hit[pkg] += size[block]
			covered += size[block]
		}
	}
	for (pkg in all) printf "%5.1f%%  %5d statements  %s\n", 100 * hit[pkg] / all[pkg], all[pkg], pkg | "sort -k4"
	close("sort -k4")
	if (total) printf "%5.1f%%  %5d statements  total\n", 100 * covered / total, total
}
