"""From a TOML file to frozen, validated `Settings`, and from `Settings` to the core's `Rules`."""
