"""A window in which loss and accuracy grow while a net is trained."""
import time

SHARE = 0.05        # of the training's time that the window may take


class LiveWindow:
    """Loss and accuracies in a window, which is closed at the end. If the reader closes it, the training goes on.

    Without a screen it says so.
    """

    def on_train_begin(self, trainer):
        from common.figures import plot         # here: only who asks for a window waits for matplotlib
        self._plot = plot
        self._figure, self._axes = plot.plt.subplots(1, 2, figsize=(9, 3.6), num="training")
        self._figure.subplots_adjust(0.08, 0.15, 0.98, 0.95, wspace=0.25)
        self._next_draw = time.perf_counter() + 0.5
        self.on_screen = self._figure.canvas.required_interactive_framework is not None
        if self.on_screen:
            self._figure.show()
            self._figure.canvas.flush_events()
        else:
            print("--live: there is no screen for a window; the figure is saved at the end")

    def on_batch_end(self, trainer):
        """Draws twice a second, or less often, so that no more than SHARE of the time is spent here."""
        started = time.perf_counter()
        if self.on_screen and started >= self._next_draw and self._plot.plt.fignum_exists("training"):
            self._draw(trainer)
            self._figure.canvas.flush_events()          # moved, resized, closed by the reader
            ended = time.perf_counter()
            self._next_draw = ended + max(0.5, (ended - started) / SHARE)

    def on_train_end(self, trainer):
        self._plot.plt.close(self._figure)

    def _draw(self, trainer):
        left, right = self._axes
        left.clear()
        right.clear()
        self._plot.lines({"train": trainer.train_loss_list}, "step", "loss", axes=left)
        self._plot.lines({"train": trainer.train_acc_list, "test": trainer.test_acc_list}, "epoch", "accuracy",
                         axes=right)
        self._figure.canvas.draw()
