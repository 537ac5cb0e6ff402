"""Callbacks for a Trainer: schedule, averaging, best_weights, augmentation, checkpoint, log, live_window.

Beside them what the training scripts share: options (the command line), evaluation and result (how good a net is).
"""
