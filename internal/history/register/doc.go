// Package register judges histories of registers: committed offsets, each a value that clients write and read, with crashes in
// between. The judge is porcupine; a history passes if every register is linearizable: there is an order of its operations, each
// at a moment between its beginning and its end, in which every read returns the value written last before it.
//
// Place: beside the road of the bytes. The simulator and the tests with real processes record into a History and have it
// checked; no binary of the broker has this package.
//
// # Outcomes
//
// A write that was acknowledged has taken place between its beginning and its end. One that was refused has not. Of one whose
// outcome is unknown (the connection broke, the coordinator was lost after an append) nobody knows: it may take place at any moment
// after its beginning, or never. The search for an order would double with each of those, so they are made definite first, which loses
// nothing as values are unique: if nobody has read the value, the order that passes without the write passes with it at the very end,
// and the other way round; if somebody has, the write has taken place before the end of the first read that returned it.
// A read without an answer says nothing and is not recorded.
//
// # Bounds
//
// Clients bound the time of an operation (a request has a time-out), so that few overlap. Check takes a bound on the time of the search;
// what it runs into is undecided, which is neither a pass nor a violation and is told.
//
// Files: history.go (what is recorded), check.go (the model and the judgement).
package register
