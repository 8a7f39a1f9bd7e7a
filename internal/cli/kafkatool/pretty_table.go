package kafkatool

import "strings"

// printTable prints rows as kafka-transactions and kafka-metadata-quorum do: every cell is padded to
// its column's widest, and ends with a tab, the last one too.
func (c *call) printTable(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			c.printf("%s%s\t", cell, strings.Repeat(" ", widths[i]-len([]rune(cell))))
		}
		c.printf("\n")
	}
}
