"""What the benchmarks of messages share with their tests: people, a composer, processes to kill, a sink that counts."""
