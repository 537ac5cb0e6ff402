"""Callbacks for a Trainer, and what the training scripts share: options, evaluation, result."""
