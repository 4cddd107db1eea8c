/** Named formats, as seconds a unit. */
const units: Readonly<Record<string, number>> = { "unix-s": 1, "unix-ms": 1e-3, "unix-us": 1e-6 };
const tokens: Readonly<Record<string, string>> = {
  YYYY: "(?<Y>\\d{4})",
  YY: "(?<y>\\d{2})",
  MM: "(?<M>\\d{2})",
  DD: "(?<D>\\d{2})",
  HH: "(?<H>\\d{2})",
  mm: "(?<m>\\d{2})",
  ss: "(?<s>\\d{2})",
  SSS: "(?<ms>\\d{3})",
};
const token = /YYYY|YY|MM|DD|HH|mm|ss|SSS/g;

/** ISO 8601; a time without a zone is UTC. */
const iso =
  /^(?<Y>\d{4})-(?<M>\d{2})-(?<D>\d{2})(?:[T ](?<H>\d{2}):(?<m>\d{2})(?::(?<s>\d{2}(?:\.\d+)?))?)? ?(?<zone>Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/;

/** Whether a schema may name this format. */
export const isTimeFormat = (format: string): boolean =>
  format in units || format === "iso" || /Y/.test(format.replace(token, (found) => (found[0] === "Y" ? "Y" : "")));

/**
 * How to read a time: seconds since 1970 in UTC; NaN for any other text. Times of Parquet columns come as ISO text
 * whatever the format says.
 */
export function timeReader(format: string): (text: string) => number {
  const unit = units[format];
  const pattern = format === "iso" || unit !== undefined ? null : patternOf(format);
  return (text) => {
    if (pattern) {
      const found = pattern.exec(text);
      if (found) return seconds(found.groups ?? {});
    } else if (unit !== undefined && text !== "") {
      const number = Number(text);
      if (!Number.isNaN(number)) return Number.isFinite(number) ? number * unit : Number.NaN;
    }
    const found = iso.exec(text);
    return found ? seconds(found.groups ?? {}) : Number.NaN;
  };
}

function patternOf(format: string): RegExp {
  const seen = new Set<string>();
  const source = format.replace(/YYYY|YY|MM|DD|HH|mm|ss|SSS|[^A-Za-z0-9]|[A-Za-z0-9]/g, (part) => {
    const known = tokens[part];
    if (known === undefined || seen.has(part)) return part.replace(/[^A-Za-z0-9]/, "\\$&");
    seen.add(part);
    return known;
  });
  return new RegExp(`^${source}$`);
}

function seconds(found: Readonly<Record<string, string | undefined>>): number {
  const year = found.Y === undefined ? 2000 + Number(found.y) : Number(found.Y);
  const [month, day] = [Number(found.M ?? 1), Number(found.D ?? 1)];
  const [hour, minute, second] = [
    Number(found.H ?? 0),
    Number(found.m ?? 0),
    Number(found.s ?? 0) + Number(found.ms ?? 0) / 1000,
  ];
  const at = Date.UTC(year, month - 1, day, hour, minute);
  const back = new Date(at);
  const isReal =
    back.getUTCMonth() === month - 1 && back.getUTCDate() === day && hour < 24 && minute < 60 && second < 61;
  return isReal ? at / 1000 + second - zoneSeconds(found.zone) : Number.NaN;
}

function zoneSeconds(zone: string | undefined): number {
  const found = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? "");
  return found ? (found[1] === "-" ? -1 : 1) * (Number(found[2]) * 3600 + Number(found[3] ?? 0) * 60) : 0;
}
