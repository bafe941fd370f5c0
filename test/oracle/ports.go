package main

import (
	"fmt"
	"net"
	"strconv"
)

// ports are where the checker's servers listen.
var ports = []int{4433, 4434, 8025, 8026, 4460}

// checkPorts refuses to start beside another server. Caddy listens with
// SO_REUSEPORT: nobody would notice a second process, it would take half of the
// requests and cases would fail at random.
func checkPorts(ports []int) error {
	for _, port := range ports {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue // nobody there
		}
		conn.Close()
		return fmt.Errorf("port %d is in use: stop what listens there, the recorded cases need it", port)
	}
	return nil
}
