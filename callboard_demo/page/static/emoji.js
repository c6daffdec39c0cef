// Slack's names of the emoji used here. Any other is shown as :name:.

const SIGNS = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", rocket: "🚀", tada: "🎉", eyes: "👀",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", leftwards_arrow_with_hook: "↩️", arrow_right: "➡️", arrow_up: "⬆️",
  arrow_down: "⬇️", rewind: "⏪", "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", heart: "❤️", fire: "🔥",
  wave: "👋", raised_hands: "🙌", clap: "👏", pray: "🙏", thinking_face: "🤔", robot_face: "🤖", lock: "🔒", mag: "🔍",
  construction: "🚧", no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑", bell: "🔔", package: "📦", seedling: "🌱",
  sparkles: "✨", bulb: "💡", memo: "📝", bar_chart: "📊", stopwatch: "⏱️", clock1: "🕐", information_source: "ℹ️",
  question: "❓", exclamation: "❗", large_green_circle: "🟢", large_yellow_circle: "🟡", red_circle: "🔴",
  large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫", arrows_counterclockwise: "🔄", point_right: "👉",
  ok_hand: "👌", smile: "😄", cry: "😢", skull: "💀", boom: "💥", wrench: "🔧", link: "🔗", loudspeaker: "📢", mega: "📣",
};
const SKINS = ["", "", "🏻", "🏼", "🏽", "🏾", "🏿"];

/** Return the character of an emoji name ("white_check_mark", "+1::skin-tone-3"), or ":name:" if it is unknown. */
export function emoji(name) {
  const [plain, tone] = name.split("::skin-tone-");
  return plain in SIGNS ? SIGNS[plain] + (SKINS[Number(tone)] ?? "") : `:${name}:`;
}
