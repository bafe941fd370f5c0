// Package importgraph holds the tests that keep the layers of the code apart and name each package's job.
package importgraph
