package main

import (
	"strings"
	"testing"
)

// TestConsumption: a group is settled if every partition has one consumer and nobody is idle, and a
// record that nobody has consumed is named.
func TestConsumption(t *testing.T) {
	c, a, b, dead := newConsumption(), &member{}, &member{}, &member{}
	ends := [groupPartitions]int64{}
	for p := range groupPartitions {
		if c.settled(1) == nil {
			t.Fatalf("settled with %d partitions", p)
		}
		c.add(a, p, 0)
		ends[p] = 1
	}
	if c.settled(1) != nil || c.onlyBy([]*member{a, b}) != nil || c.settled(2) == nil {
		t.Error("one member of all")
	}
	c.add(b, 3, 1)
	if c.onlyBy([]*member{a, b}) == nil {
		t.Error("two members on one partition passed")
	}
	if err := c.lacks(ends); err != nil {
		t.Error(err)
	}
	ends[2] = 2
	if err := c.lacks(ends); err == nil || !strings.Contains(err.Error(), "offset 1 of partition 2") {
		t.Errorf("a record that nobody has consumed: %v", err)
	}
	c.reset()
	for p := range groupPartitions {
		c.add(dead, p, 1)
	}
	if c.settled(1) != nil || c.onlyBy([]*member{a, b}) == nil {
		t.Error("somebody else's consumption passed")
	}
}

// TestConsumptionRead: what a member prints is a partition and an offset.
func TestConsumptionRead(t *testing.T) {
	for text, ok := range map[string]bool{"0 0\n5 17\n": true, "6 0\n": false, "-1 0\n": false, "x\n": false, "1\n": false} {
		if err := newConsumption().read(&member{}, strings.NewReader(text)); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
