"""The supported reactions, each under one name.

A subset of Slack's standard set.  A name that is missing here is refused as Slack refuses an unknown one; add it below
if it is needed.
Source: the `short_names` and `skin_variations` of https://github.com/iamcal/emoji-data, which Slack uses.
"""

import re
from typing import Final

_ALIASES: Final = {
    "thumbsup": "+1",
    "thumbsdown": "-1",
    "raised_hand": "hand",
    "facepunch": "punch",
    "collision": "boom",
    "hankey": "poop",
    "shit": "poop",
    "satisfied": "laughing",
    "red_car": "car",
    "heavy_exclamation_mark": "exclamation",
    "telephone": "phone",
    "sailboat": "boat",
    "envelope": "email",
}
_WITH_SKIN: Final = (
    "+1 -1 ok_hand wave hand raised_hands clap pray muscle punch fist v point_up point_down point_left point_right"
    " raised_back_of_hand open_hands writing_hand vulcan_salute crossed_fingers call_me_hand handshake"
    " man woman man-shrugging woman-shrugging shrug man-facepalming woman-facepalming face_palm"
)
_PLAIN: Final = (
    "white_check_mark heavy_check_mark ballot_box_with_check x negative_squared_cross_mark heavy_multiplication_x"
    " no_entry no_entry_sign octagonal_sign warning rotating_light construction question grey_question exclamation"
    " eyes rocket tada sparkles fire boom bug ship boat hourglass hourglass_flowing_sand stopwatch"
    " alarm_clock clock1 repeat arrows_counterclockwise rewind leftwards_arrow_with_hook arrow_up arrow_down"
    " arrow_left arrow_right arrow_forward double_vertical_bar black_square_for_stop lock unlock key mag memo"
    " pencil2 pushpin paperclip link bookmark label package inbox_tray outbox_tray email phone bell no_bell"
    " chart_with_upwards_trend chart_with_downwards_trend bar_chart robot_face gear wrench hammer zap bulb"
    " heart broken_heart blue_heart green_heart yellow_heart purple_heart 100 poop ghost skull snowflake"
    " large_green_circle red_circle large_blue_circle large_yellow_circle large_orange_circle white_circle"
    " black_circle smile smiley grin grinning laughing joy wink blush thinking_face neutral_face confused cry"
    " sob scream rage sweat_smile slightly_smiling_face upside_down_face partying_face"
    " hugging_face zzz crown trophy medal star star2 checkered_flag traffic_light bee dog cat car coffee beers"
    " pizza cake gift"
)
_TAKES_SKIN: Final = frozenset(_WITH_SKIN.split())
_TAKES_NONE: Final = frozenset(_PLAIN.split())
_NAME: Final = re.compile(r"(?P<name>[a-z0-9_+'-]+?)(?P<tone>::skin-tone-[2-6])?")


def canonical(name: str) -> str | None:
    """Return the name under which Slack stores a reaction, or None if there is no such emoji.

    `+1` takes a skin tone (`+1::skin-tone-3`), `white_check_mark` does not.  Colons around the name are ignored.
    """
    found = _NAME.fullmatch(name.strip(":"))
    if found is None:
        return None
    plain, tone = _ALIASES.get(found["name"], found["name"]), found["tone"] or ""
    if plain in _TAKES_SKIN:
        return plain + tone
    return plain if plain in _TAKES_NONE and not tone else None
