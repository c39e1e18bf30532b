"""From each section of a 1.x document to today's configuration."""
