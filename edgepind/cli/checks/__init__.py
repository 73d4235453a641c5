"""What `edgepind check` looks at, a file each: every one names faults and changes nothing."""
