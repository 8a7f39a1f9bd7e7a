// Package archtest holds the shape of the code base as tests: who may import whom, who may
// touch a file, and what a core may not do. It has no code of its own; nobody imports it.
//
// The module is read as source (go/parser), never loaded, so that the rules hold for the files
// of every operating system and build tag and need nothing but the Go installation. Only the
// question "is this a map?" needs types: those of our packages come from source, those of
// others from the build cache (go list -export). What cannot be resolved counts as suspicious.
//
// Every refusal carries its reason, and every violation names file, line, what was found and
// that reason. Rules for packages that do not exist yet are kept: they are the frame into which
// the code is put. What a rule really refuses is shown by the planted violations in testdata.
//
// Files, to read in this order:
//
//	rules_test.go      the tables: order of imports, refusals, third parties, cores, shells
//	order_test.go      the language of the order ("a < b": b may import a)
//	tree_test.go       the module's files, parsed
//	types_test.go      types of expressions
//	imports_test.go    imports against order, refusals and third parties
//	disk_test.go       calls that reach files without vfs
//	core_test.go       clocks, randomness, goroutines and channels in cores
//	maprange_test.go   loops over maps whose result may depend on the order
//	purity_test.go     calls that may be made in any order
//	arch_test.go       the rules applied to this module
//	violation_test.go  the rules applied to planted violations
package archtest
