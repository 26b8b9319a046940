"""Speed, measured beside a yardstick in the same run: see docs/performance.md."""
