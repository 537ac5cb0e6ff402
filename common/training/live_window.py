"""A window in which loss and accuracy grow while a net is trained."""
import time


class LiveWindow:
    """Loss and accuracies in a window, which is closed at the end. If the reader closes it, the training goes on."""

    def on_train_begin(self, trainer):
        from common.figures import plot         # here: only who asks for a window waits for matplotlib
        self._plot, self._next_draw = plot, 0
        self._figure = plot.plt.figure("training", figsize=(9, 3.6), layout="constrained")
        self._has_screen = self._figure.canvas.required_interactive_framework is not None
        if self._has_screen:
            self._figure.show()
        else:
            print("--live: there is no screen for a window; the figure is saved at the end")

    def on_batch_end(self, trainer):
        """Draws only so often that no more than a twentieth of the time is spent here."""
        started = time.perf_counter()
        if self._has_screen and started >= self._next_draw and self._plot.plt.fignum_exists("training"):
            self._figure.clear()
            self._plot.training_curves(trainer, figure=self._figure)
            self._figure.canvas.draw()
            self._figure.canvas.flush_events()          # moved, resized, closed by the reader
            ended = time.perf_counter()
            self._next_draw = ended + 20 * (ended - started)

    def on_train_end(self, trainer):
        self._plot.plt.close(self._figure)
