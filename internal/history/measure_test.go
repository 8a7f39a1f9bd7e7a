package history

import (
	"strings"
	"testing"
)

func TestMeasure(t *testing.T) {
	h, err := ReadEDN(strings.NewReader(`
{:time 0 :type :invoke :process 1 :f :assign :value [0] :seek {0 0}}
{:time 1 :type :ok :process 1 :f :assign :value [0] :seek {0 0}}
{:time 2 :type :invoke :process 2 :f :subscribe :value [0]}
{:time 2 :type :ok :process 2 :f :subscribe :value [0]}
{:time 10 :type :invoke :process 0 :f :send :value [[:send 0 1]]}
{:time 20 :type :ok :process 0 :f :send :value [[:send 0 [0 1]]]}
{:time 30 :type :invoke :process 0 :f :send :value [[:send 0 2]]}
{:time 40 :type :ok :process 0 :f :send :value [[:send 0 [1 2]]]}
{:time 50 :type :invoke :process 1 :f :poll :value [[:poll]]}
{:time 55 :type :ok :process 1 :f :poll :value [[:poll {0 [[0 1]]}]]}
{:time 60 :type :invoke :process 1 :f :poll :value [[:poll]]}
{:time 65 :type :ok :process 1 :f :poll :value [[:poll {}]]}
{:time 70 :type :invoke :process 1 :f :poll :value [[:poll]]}
{:time 75 :type :ok :process 1 :f :poll :value [[:poll {0 [[1 2]]}]]}
{:time 80 :type :invoke :process 2 :f :poll :value [[:poll]]}
{:time 85 :type :ok :process 2 :f :poll :value [[:poll {0 [[0 1] [1 2] [0 1]]}]]}
{:time 90 :type :invoke :process 2 :f :poll :value [[:poll]]}
{:time 95 :type :fail :process 2 :f :poll :value [[:poll {0 [[0 1]]}]]}
`))
	if err != nil {
		t.Fatal(err)
	}
	s := Measure(h)
	// The poll at 60 did not get offset 1, which was acknowledged at 40.
	if want := (Lag{20, 5, 0}); s.Lag != want {
		t.Errorf("lag %+v, want %+v", s.Lag, want)
	}
	if want := [8]int{1, 1}; s.Consumed != want {
		t.Errorf("consumed %v, want %v", s.Consumed, want)
	}
	if s.Sends != 2 || s.Reads != 6 || s.Ops[Poll][OK] != 4 || s.Ops[Poll][Fail] != 1 || s.Ops[Send][OK] != 2 {
		t.Errorf("counts %+v", s)
	}
}
