"""The words of `bot.domain.reasons.pins`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import pins
from bot.rules.wording.words.template import Words


def _no_manifest(reason: pins.NoManifest) -> str:
    files = "files checked: {files:20}" if reason.files else "there are no files to check"
    return f"no manifest carries MODEL_STAGE ({files:20}); add it to the env of the container that serves the model"


WORDS: Final[Mapping[type[Reason], Words]] = {
    pins.ManifestTooLarge: ("{file}: the file is larger than {kib} KiB; move the pin to a smaller file"),
    pins.ManifestNotYaml: "{place}: not YAML: {problem}",
    pins.ManifestHasTabs: "{place}: not YAML: a tab is used for indentation; use spaces",
    pins.ManifestIsTemplate: (
        "{place}: a template, not YAML; Callboard edits plain manifests only, so move the pin into one"
    ),
    pins.NoManifest: _no_manifest,
    pins.PinMentionedOnly: (
        "{place}: MODEL_STAGE is mentioned, but not where Callboard can edit it. Expected one of: {expected}"
    ),
    pins.PinInEnv: "an entry of a container's env",
    pins.PinInLiterals: "a literal of a configMapGenerator",
    pins.PinInData: "a key of a ConfigMap's data",
    pins.PinInParameters: "a Helm parameter of an Argo CD Application",
    pins.PinsOfOtherModels: "no manifest carries MODEL_STAGE for {model}; these belong to other models: {others:20}",
    pins.PinOfModel: "{place} (MODEL_NAME {model})",
    pins.SeveralPins: "MODEL_STAGE is set in several places, but only one is allowed: {places:20}",
    pins.NotEditable: "{place}: {why}",
    pins.UsedByAlias: (
        "used again by an alias, so one edit would change several places; write the value out in each place"
    ),
    pins.KeyTwice: "the key {key} is there twice, and tools disagree on which one counts; leave one",
    pins.ValueIsBlock: "written as a block scalar; write the value on one line",
    pins.FilledIn: "filled in by a template ({value}); Callboard edits plain values only",
    pins.OnSeveralLines: "{name} is set several times, on lines {lines}; leave one",
    pins.ValueFrom: "{name} comes from elsewhere (valueFrom), so there is no value to change here; pin it there",
    pins.NoPlainValue: "{name} has no plain value; write `value: …` beside its name",
    pins.NotAString: "{name} is not a plain value; write it as a string",
    pins.PathsDiffer: "{other} on line {line} has another path than {stage}; give them the same path",
    pins.NotALiteral: "{name} is written with a colon, which kustomize does not read; write {name}=…",
    pins.InInlinePatch: (
        "MODEL_STAGE is set in an inline patch, which Callboard does not edit; move the patch to a file of its own "
        "(patches: - path: …)"
    ),
    pins.LayoutNotEditable: "Callboard cannot safely edit this layout; put each entry on its own line, in block style",
    pins.PinWithoutVersion: "cannot pin: no version is given",
    pins.PinStageInvalid: (
        "cannot pin the stage {stage}: expected letters and digits, with dots, hyphens and underscores only in between"
    ),
    pins.PinNotEffective: "after the edit, it would still not pin {stage} v{version}; edit it by hand",
    pins.DigestUnknown: (
        "MODEL_DIGEST is pinned beside MODEL_STAGE, but the digest of v{version} is not known, because v{version} was "
        "never released; release it first on a stage that pins no digest, or remove MODEL_DIGEST here"
    ),
    pins.ImageNowhere: "{place}: its container names no image in any of these files: {files:20}",
    pins.ContainerNowhere: "{place}: no container takes MODEL_STAGE from it in any of these files: {files:20}",
    pins.ImageShared: "{file}: the image is named in {shared}, which other stages share; add a kustomization here",
    pins.ImageUsedByAlias: "used again by an alias; write the image by hand",
    pins.ImageFilledIn: "filled in by a template ({value}); write the image there",
    pins.ImageNamedTwice: "images names {image} twice; leave one",
    pins.NotAKustomization: "{file}: not a kustomization",
}
