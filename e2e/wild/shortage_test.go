package main

import (
	"slices"
	"testing"
)

// TestReplenishments: one for each product that falls below its threshold, because of the order that did it.
func TestReplenishments(t *testing.T) {
	f := func(want []replenishment, orders ...order) {
		t.Helper()
		if got := replenishments(orders); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	f(nil)
	f(nil, order{1, "a", 80})
	f([]replenishment{{"a", 1, 81}}, order{1, "a", 81})
	f([]replenishment{{"a", 3, 85}}, order{1, "a", 80}, order{2, "b", 5}, order{3, "a", 5}, order{4, "a", 70})
	f([]replenishment{{"a", 2, 90}, {"b", 1, 100}}, order{1, "b", 100}, order{2, "a", 90})
}

// TestDepot: in each half of the orders some products run short, and some never do.
func TestDepot(t *testing.T) {
	s := newDepot(nil)
	products := map[string]bool{}
	for _, o := range s.orders {
		products[o.Product] = true
	}
	half := len(replenishments(s.orders[:len(s.orders)/2]))
	if half == 0 || half == len(s.want) || len(s.want) == len(products) {
		t.Errorf("of %d products %d run short, %d of them in the first half", len(products), len(s.want), half)
	}
}
