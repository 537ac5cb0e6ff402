"""What may be hung onto the Trainer, and what its scripts share: schedules, checkpoints, averages, logs, options."""
