"""A window in which loss and accuracy grow while a net is trained."""
import time

import numpy as np

SHARE = 0.02        # of the training's time that the window may take
POINTS = 200        # of the loss that are drawn: more cost time, and would not be seen


class LiveWindow:
    """Loss and accuracies in a window, which is closed at the end. If the reader closes it, the training goes on.

    Without a screen it says so.
    """

    def on_train_begin(self, trainer):
        from common.figures import plot         # here: only who asks for a window waits for matplotlib
        self._figure, (left, right) = plot.plt.subplots(1, 2, figsize=(9, 3.6))
        self._loss, = plot.lines({"train": []}, "step", "loss", axes=left).lines
        self._loss.set_marker("")
        self._accuracies = plot.lines({"train": [], "test": []}, "epoch", "accuracy", axes=right).lines
        # To look for a layout, or for the best place of a legend, takes longer than all the rest of a drawing.
        self._figure.subplots_adjust(0.08, 0.15, 0.98, 0.95, wspace=0.25)
        for axes, place in ((left, "upper right"), (right, "lower right")):
            axes.legend(loc=place)
            axes.locator_params(nbins=5)
            axes.set_visible(False)                     # until there is something to see
        self._next_draw = time.perf_counter() + 0.5
        self.on_screen = self._figure.canvas.required_interactive_framework is not None
        if not self.on_screen:
            print("--live: there is no screen for a window; the figure is saved at the end")
            return
        self._figure.canvas.mpl_connect("close_event", self._closed)
        self._figure.canvas.manager.set_window_title("training")
        self._figure.show()
        self._figure.canvas.flush_events()

    def on_batch_end(self, trainer):
        """Draws twice a second, or less often, so that no more than SHARE of the time is spent here."""
        started = time.perf_counter()
        if self.on_screen and started >= self._next_draw:
            self._draw(trainer)
            self._figure.canvas.flush_events()          # moved, resized, closed by the reader
            ended = time.perf_counter()
            self._next_draw = ended + max(0.5, (ended - started) / SHARE)

    def on_train_end(self, trainer):
        from common.figures.plot import plt
        self.on_screen = False
        plt.close(self._figure)

    def _draw(self, trainer):
        steps = np.arange(1, len(trainer.train_loss_list) + 1)
        starts = np.arange(0, len(steps), -(-len(steps) // POINTS))
        lengths = np.diff(starts, append=len(steps))
        self._loss.set_data(*(np.add.reduceat(values, starts) / lengths for values in (steps, trainer.train_loss_list)))
        for line, values in zip(self._accuracies, [trainer.train_acc_list, trainer.test_acc_list]):
            line.set_data(np.arange(1, len(values) + 1), values)
        for axes in self._figure.axes:
            if len(axes.lines[0].get_xdata()):
                axes.set_visible(True)
                axes.relim()
                axes.autoscale_view()
        self._figure.canvas.draw()

    def _closed(self, event):
        self.on_screen = False
