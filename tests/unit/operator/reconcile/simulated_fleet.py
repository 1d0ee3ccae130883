"""Pods that crash, refuse, delay and fall silent, under an operator that is restarted at will."""

from dataclasses import dataclass, field

from batchwright_operator.reconcile.course import Course, Document
from batchwright_operator.reconcile.observed import Observed, Phase, Pod, Report, Unreachable
from batchwright_operator.reconcile.proposal import Step, advance
from batchwright_operator.reconcile.sight import Sight
from tests.support.modelservers import make_signals

TEMPLATES = ("one", "two")
NODES = ("odd", "even")


def document(number: int) -> Document:
    """One of the documents."""
    return Document.of(f"document {number}".encode())


@dataclass
class SimulatedPod:
    """A pod's truth; `working` is a document that it has been sent and has not finished."""

    name: str
    template: str
    serves: Document | None
    process: int = 1
    is_up: bool = False
    is_ready: bool = False
    is_reachable: bool = True
    is_slow: bool = False
    rejected: Document | None = None
    working: Document | None = None
    refused: set[str] = field(default_factory=set)  # by this process, and not taken since

    @property
    def pod(self) -> Pod:
        """As the cluster shows it."""
        return Pod(self.name, "ip", Phase.RUNNING, template=self.template, ready=self.is_ready)

    @property
    def report(self) -> Report:
        """As it answers."""
        if not self.is_up or not self.is_reachable:
            return Unreachable("no answer")
        signals = make_signals(
            config_hash=self.serves.hash if self.serves else "",
            rejected_hash=self.rejected.hash if self.rejected else "",
            error="no such model" if self.rejected else "",
            process=f"{self.name}.{self.process}",
        )
        pending = {"pending_hash": self.working.hash if self.working else ""}
        return signals.model_copy(update={"config": signals.config.model_copy(update=pending)})


@dataclass
class Fleet:
    """All of it. `refusers` are who refuses a document, by its hash: templates, and nodes."""

    wanted: Document = field(default_factory=lambda: document(0))
    committed: Document | None = None
    recorded: str = ""
    template: str = "one"
    pods: list[SimulatedPod] = field(default_factory=list)
    refusers: dict[str, set[str]] = field(default_factory=dict)
    course: Course = field(default_factory=Course)
    now: float = 1000.0
    made: int = 0
    dies_before_commit: bool = False
    commits: list[Document] = field(default_factory=list)
    canaries: dict[str, Document] = field(default_factory=dict)  # what pods try, by name
    tried: set[str] = field(default_factory=set)  # hashes of all that any pod ever had to try

    def try_on(self, index: int, number: int) -> None:
        """The policy has one settled pod try a plan: the document that is served, but for that."""
        is_settled = all(pod.serves == self.committed == self.wanted for pod in self.pods)
        if self.pods and is_settled:
            found = Document.of(self.wanted.text + f" with plan {number}".encode())
            self.canaries = {self.pods[index % len(self.pods)].name: found}
            self.tried.add(found.hash)

    def end_trials(self) -> None:
        """The policy ends what is tried: the pod has refused it or is gone, or the user has edited."""
        self.canaries = {}

    def start(self) -> None:
        """One more pod, of the newest template, from what is committed."""
        self.made += 1
        self.pods.append(SimulatedPod(f"pod-{self.made}", self.template, self.committed))

    def crash(self, index: int) -> None:
        """A pod's process ends and another begins, from what is committed."""
        if self.pods:
            old = self.pods[index % len(self.pods)]
            new = SimulatedPod(old.name, old.template, self.committed, process=old.process + 1)
            self.pods[self.pods.index(old)] = new

    def come_up(self) -> None:
        """Every pod answers and is ready."""
        for pod in self.pods:
            if self.committed is not None:  # else its volume cannot be mounted
                pod.is_up = pod.is_ready = True
                pod.serves = pod.serves or self.committed

    def finish(self) -> None:
        """Every pod is done with what it was sent."""
        for pod in self.pods:
            if pod.working is not None:
                self._judge(pod, pod.working)
                pod.working = None

    def run(self) -> Step:
        """One run of the operator."""
        self._end_refused()
        sight = self._sight()
        step = advance(sight, self.course, now=self.now)
        self.course = step.course.sending(step.sent)
        for pod in step.to:
            self._send(pod.name, step.documents[pod.name])
        if step.commit is not None and not self.dies_before_commit:
            self._commit(step)
        if self.dies_before_commit:
            self.course, self.dies_before_commit = Course(), False
        return step

    def _end_refused(self) -> None:
        """As the policy does before it decides: a refusal of what was sent ends the trial."""
        for pod in self.pods:
            tried = self.canaries.get(pod.name)
            if tried is not None and pod.rejected == tried and pod.is_up and pod.is_reachable:
                self.end_trials()

    def _sight(self) -> Sight:
        return Sight(
            wanted=self.wanted,
            committed=self.committed,
            recorded=self.recorded,
            template=self.template,
            subject=self.wanted.hash,
            observed=Observed(pods=tuple(pod.pod for pod in self.pods)),
            reports={pod.name: pod.report for pod in self.pods},
            canaries=self.canaries,
        )

    def _send(self, name: str, sent: Document) -> None:
        pod = next(pod for pod in self.pods if pod.name == name)
        assert pod.is_up, "a pod that does not answer is sent nothing"
        is_trial = sent.hash in self.tried
        assert not is_trial or self.canaries.get(name) == sent, "what one pod tries goes to no other"
        if pod.is_slow:
            pod.working = sent
            return
        error = self._judge(pod, sent)
        if error:
            self.course = self.course.refused(name, error, now=self.now)

    def refuses(self, pod: SimulatedPod, sent: Document) -> bool:
        """Whether the pod cannot take the document."""
        node = NODES[int(pod.name.removeprefix("pod-")) % 2]
        return not {pod.template, node}.isdisjoint(self.refusers.get(sent.hash, ()))

    def _judge(self, pod: SimulatedPod, sent: Document) -> str:
        if self.refuses(pod, sent):
            pod.rejected = sent
            pod.refused.add(sent.hash)
            return "no such model"
        pod.serves, pod.rejected = sent, None
        pod.refused.discard(sent.hash)
        return ""

    def _commit(self, step: Step) -> None:
        assert step.commit is not None
        assert step.commit.hash not in self.tried, "what a pod tries is never written for all"
        for pod in self.pods:
            if pod.is_up and pod.is_reachable and pod.template == self.template:
                assert step.commit.hash not in pod.refused, "a running pod has refused it"
        self.committed, self.recorded = step.commit, step.commit.hash
        self.commits.append(step.commit)
        self.course = self.course.committing(step.commit, step.unheard)
