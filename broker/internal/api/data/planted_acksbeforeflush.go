//go:build planted_data_acksbeforeflush

package data

// acks=all is answered without waiting for the high watermark.
const plantedAcksBeforeFlush = true
