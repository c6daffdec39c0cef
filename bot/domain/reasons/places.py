"""Why a pin is not accepted although it could be edited: nobody would see it take effect, or it is another target's."""

from bot.domain.reason import Name, Reason, Said, reason
from bot.domain.reasons.pins import Placed


@reason("said_at")
class SaidAt(Placed):
    """A value, and where it is written."""

    value: Said
    file: Name
    line: int


@reason("namespace_unknown")
class NamespaceUnknown(Placed):
    """Nothing that is read says in which namespace the workload runs."""

    file: Name
    line: int
    stage: Name


@reason("workload_unknown")
class WorkloadUnknown(Placed):
    """Nothing that is read names the workload."""

    file: Name
    line: int
    why: Reason
    stage: Name


@reason("workload_in_chart")
class ChartMakesIt(Reason):
    """A chart that is not read makes the workload."""


@reason("workload_without_object")
class NoObject(Reason):
    """The document of the pin has no name: a patch, or a file of values."""


@reason("workload_uses_no_configmap")
class NoUser(Reason):
    """No workload among the files takes its environment from the ConfigMap."""

    configmap: Name


@reason("workload_kind_not_followed")
class KindNotFollowed(Placed):
    """The pin is in an object of a kind that is not watched."""

    file: Name
    line: int
    kind: Name
    stage: Name


@reason("place_filled_in")
class TemplateFillsIn(Placed):
    """A template fills in the namespace, or the workload's name."""

    file: Name
    line: int
    what: Name
    """`namespace` or `workload`, as the key of app.yaml."""
    value: Said
    stage: Name


@reason("place_invalid")
class InvalidHere(Placed):
    """Kubernetes accepts no such namespace, or name of a workload; or a value is not the form of a cluster's name."""

    file: Name
    line: int
    what: Name
    value: Said


@reason("place_two_answers")
class TwoAnswers(Reason):
    """Two sources say different things."""

    what: Name
    one: Reason
    """A `SaidAt`, as the other."""
    other: Reason


@reason("pick_up_unseen")
class NothingTells(Placed):
    """Neither template, verification nor a GitOps agent would show that the cluster has picked a change up."""

    file: Name
    line: int
    method: Name
    """As app.yaml names it."""
    stage: Name


@reason("place_unknown")
class PlaceUnknown(Reason):
    """Both the workload and its namespace are missing or wrong."""

    causes: tuple[Reason, ...]


@reason("pin_for_several_workloads")
class SeveralWorkloads(Placed):
    """An edit would change more than one workload."""

    file: Name
    line: int
    workloads: tuple[Name, ...]


@reason("pin_not_included")
class NotIncluded(Placed):
    """The kustomization of the folder does not mention the file."""

    file: Name
    line: int
    kustomization: Name


@reason("pin_shared")
class SharedPin(Placed):
    """Another model's promotions would change the same place."""

    file: Name
    line: int
    model: Name
    other: Name
    stage: Name


@reason("workload_shared")
class SharedWorkload(Placed):
    """Another target's pin is for the same workload, in another folder."""

    file: Name
    line: int
    workload: Name
    other: Name
    stage: Name
    path: Name


@reason("pin_of_two_clusters")
class TwoClusters(Placed):
    """Two stages of a model share a pin, and app.yaml puts them in two clusters; None is Callboard's own."""

    file: Name
    line: int
    cluster: Name | None
    stage: Name
    other: Name | None
    """The cluster of `stage`."""


@reason("pin_of_other_stage")
class PinOfOtherStage(Placed):
    """The place is for one stage, and pins another."""

    file: Name
    line: int
    pinned: Name
    stage: Name
