"""What a model or its training will need, before anything runs: memory, time, budgets."""
