//go:build planted_controller_seats

package controller

// plantedSeats leaves a new incarnation the leaderships of the old one.
const plantedSeats = true
