"""The pods of one Deployment: as many as wanted, replaced one by one when their template changes."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from batchwright_operator.cluster.localpod import ENTRY_POINT, Clock, LocalPod, Place
from batchwright_operator.cluster.template import PodTemplate
from batchwright_operator.reconcile.observed import Pod

_LOOK_SECONDS = 0.2
_SURGE = 1  # pods beyond the wanted number while templates change


class Fleet:
    """The pods of one Deployment, kept as wanted by a task of its own."""

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        entry_point: tuple[str, ...] = ENTRY_POINT,
        clock: Clock = time.monotonic,
    ) -> None:
        self._name = name
        self._directory = directory
        self._entry_point = entry_point
        self._clock = clock
        self._pods: list[LocalPod] = []
        self._template: PodTemplate | None = None
        self._replicas = 0
        self._closing = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def apply(self, template: PodTemplate, replicas: int) -> None:
        """Want `replicas` pods of `template` from now on."""
        self._template, self._replicas = template, replicas
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"pods of {self._name}")
        self._wake.set()

    @property
    def pods(self) -> tuple[Pod, ...]:
        """The pods as they are now. Raises what ended the task that keeps them, if anything did."""
        if self._task is not None and self._task.done():
            self._task.result()
        return tuple(pod.to_pod() for pod in self._pods)

    async def close(self, *, grace_seconds: float) -> None:
        """End every pod: asked first, killed after `grace_seconds`."""
        self._closing = True
        for pod in self._pods:
            pod.terminate(grace_seconds)
        if self._task is not None:
            # Not cancelled: a process that is just being started would be left without an owner.
            self._wake.set()
            await asyncio.wait({self._task})  # what ended it early is told by `pods`
        try:
            async with asyncio.timeout(grace_seconds):
                await self._wait()
        except TimeoutError:
            self.kill()
            await self._wait()
        self._pods.clear()

    def kill(self) -> None:
        """End every pod now."""
        for pod in self._pods:
            pod.kill()

    async def step(self) -> None:
        """Look at every pod once, and bring their number and templates closer to what is wanted."""
        await asyncio.gather(*(pod.step() for pod in self._pods))
        self._pods = [pod for pod in self._pods if not pod.is_gone]
        if self._template is not None and not self._closing:
            self._scale_up(self._template)
            self._scale_down(self._template)

    async def _run(self) -> None:
        while not self._closing:
            await self.step()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()

    async def _wait(self) -> None:
        await asyncio.gather(*(pod.wait() for pod in self._pods))

    @property
    def _staying(self) -> list[LocalPod]:
        return [pod for pod in self._pods if not pod.is_terminating]

    def _scale_up(self, template: PodTemplate) -> None:
        new = sum(pod.template.digest == template.digest for pod in self._staying)
        is_rolling = new < len(self._staying)
        room = self._replicas + (_SURGE if is_rolling else 0) - len(self._staying)
        for _ in range(min(self._replicas - new, room)):
            self._pods.append(LocalPod(self._place(template), template, self._clock))

    def _place(self, template: PodTemplate) -> Place:
        taken = {pod.place.index for pod in self._pods}
        index = next(number for number in range(len(taken) + 1) if number not in taken)
        name = f"{self._name}-{template.digest[:5]}-{index}"
        return Place(name, index, self._directory, self._entry_point)

    def _scale_down(self, template: PodTemplate) -> None:
        old = [pod for pod in self._staying if pod.template.digest != template.digest]
        for pod in sorted(old, key=lambda pod: pod.is_ready):
            if self._can_lose(pod):
                pod.terminate(pod.template.grace_seconds)
        surplus = len(self._staying) - self._replicas
        new = [pod for pod in self._staying if pod.template.digest == template.digest]
        if surplus > 0 and len(new) == len(self._staying):
            for pod in sorted(new, key=lambda pod: (pod.is_ready, -pod.place.index))[:surplus]:
                pod.terminate(pod.template.grace_seconds)

    def _can_lose(self, pod: LocalPod) -> bool:
        ready = sum(item.is_ready for item in self._staying)
        return not pod.is_ready or ready > self._replicas or self._replicas == 0
