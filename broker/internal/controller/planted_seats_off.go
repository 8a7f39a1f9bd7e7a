//go:build !planted_controller_seats

package controller

const plantedSeats = false
