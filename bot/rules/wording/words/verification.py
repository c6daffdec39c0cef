"""The words of `bot.domain.reasons.verification`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import verification as v
from bot.rules.wording.words.template import Words

WORDS: Final[Mapping[type[Reason], Words]] = {
    v.VerifiedByRollout: "the pods do not say which version they serve; verified by rollout",
    v.RolloutIsEnough: "verified by rollout, as app.yaml says",
    v.VerifiedByOpenInference: "every new pod names v{version} (Open Inference Protocol)",
    v.VerifiedByField: "every new pod answers as v{version} at {path}",
    v.VerifiedByKServe: "KServe reports that the new model is loaded",
    v.VerifiedByImage: "every new pod runs the image of v{version}",
    v.AnswersOther: "pod {pod} names {found}, not v{version}",
    v.NamesOther: "its server names {found}, which need not be the registry's version; if it never is, "
    "set `verify: rollout` in app.yaml",
    v.AnswerWithoutVersion: "its answer to {path} names no version (HTTP {status})",
    v.AlsoServes: "it also serves version {version}, which requests that name no version get",
    v.NoSuchField: "its answer to {path} has no field {field}",
    v.ValueUnknown: "{placeholder}, which `verify` in app.yaml uses, is not known for this version",
    v.NoSuchPort: "it has no port named {port}, which `verify` in app.yaml uses",
    v.ImageUnknown: "its image {image} shows no tag or digest that can be compared",
    v.ModelNotLoaded: lambda m: "KServe reports {transition}" + (", and the new model as {state}" if m.state else ""),
    v.NoModelStatus: "KServe does not report whether the model is loaded",
}
