package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/brokertest"
)

// The commands about groups against our own broker: a group is made, stands somewhere, is moved and goes.
func TestGroupsHere(t *testing.T) {
	addr := brokertest.Start(t).Addr()
	f := func(wantCode int, want, stdin string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		code, errs := with(t, t.Context(), strings.NewReader(stdin), &out, append(args, "-b", addr)...)
		if got := out.String() + errs; code != wantCode || got != want {
			t.Errorf("%v: exit %d, %q", args, code, got)
		}
	}
	if code, errs := with(t, t.Context(), strings.NewReader("1\n2\n3\n"), io.Discard, "produce", "orders", "-b", addr); code != 0 {
		t.Fatal(errs)
	}
	f(0, "orders\t0\t-\t1\twould be moved\n", "", "group", "reset-offsets", "billing", "--topic", "orders", "--to", "1", "--dry-run")
	f(0, "orders\t0\t-\t1\tmoved\n", "", "group", "reset-offsets", "billing", "--topic", "orders", "--to", "1")
	f(0, "billing\torders\t0\t1\t3\t2\t-\t-\t-\n", "", "group", "describe", "billing", "--no-times")
	f(0, "orders\t0\t1\t2\tmoved\n", "", "group", "reset-offsets", "billing", "--shift", "1")
	f(0, "orders\t0\t2\t2\tunchanged\n", "", "group", "reset-offsets", "billing", "--to", "-1")
	f(0, "group\tbilling\tdeleted\t-\n", "", "group", "delete", "billing")
	f(1, "thalweg: cannot describe group billing: The group id does not exist; \"thalweg group ls\" lists those there are\n", "", "group", "describe", "billing")
	f(0, "", "", "group", "ls")
}
