"""The framework: functions, layers, networks, optimizers and the trainer, all written by hand in NumPy."""
