package config

// Validate checks what types can't say.
func (c *Config) Validate() error { return nil }
