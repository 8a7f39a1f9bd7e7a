// Package trial puts a process of the real binary, under the load of foreign producers, through
// faults, and judges what clients saw.
//
// A Trial starts a broker, makes topics, starts the writers of package foreign and a consumer that
// reads along. Its user does harm: Kill and Start the broker, cut the power of the disk beneath it,
// take its room; and calls Progress in between, which waits until every producer has had
// acknowledgements again. Finish lets the producers end, reads all topics once more from their
// beginning, and judges the whole history by internal/history: nothing acknowledged is lost, no
// offset changed, nothing doubled, and every producer's records lie in its order. Producers live
// as long as the trial, so that no outcome should be open; those that are are counted.
//
// What a client is told is recorded before it is acted upon, with one clock for all.
//
// Concurrency: a Trial belongs to one goroutine; a Recorder may be used by many.
//
// Files: trial.go (Trial), broker.go (a process of the binary), record.go (the history, and what is
// counted), consumer.go (reading along, and to the end).
package trial
