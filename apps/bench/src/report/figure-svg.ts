import { BarChart, CustomChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { Figure, Series } from "../result.js";
import { coloursOf } from "./colours.js";
import { figureLayout, legendItemGap } from "./figure-layout.js";

const short = (value: number): string => {
  const size = Math.abs(value);
  if (size >= 1e9) return `${+(value / 1e9).toPrecision(3)} G`;
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)} M`;
  if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)} k`;
  return `${+value.toPrecision(3)}`;
};

interface RenderApi {
  value(dimension: number): number;
  coord(point: number[]): number[];
}

/** Thin vertical lines from low to high, at the place of each bar or point. */
const whiskers = (series: Series, index: number, count: number, figure: Figure, colour: string) => ({
  type: "custom" as const,
  name: series.name,
  silent: true,
  z: 5,
  // Both ends count for the extent of the axis.
  encode: { x: 0, y: [1, 2] },
  data: series.values.map((_, i) => [
    figure.kind === "curve" ? figure.x[i] : i,
    series.low?.[i] ?? Number.NaN,
    series.high?.[i] ?? Number.NaN,
  ]),
  renderItem: (_: unknown, api: RenderApi) => {
    const x = api.value(0);
    if (Number.isNaN(api.value(1))) return null;
    const low = api.coord([x, api.value(1)]);
    const high = api.coord([x, api.value(2)]);
    const slot = figure.kind === "curve" ? 0 : api.coord([1, 0])[0] - api.coord([0, 0])[0];
    const shift = figure.kind === "curve" ? 0 : ((index + 0.5) / count - 0.5) * slot * 0.76;
    return {
      type: "line",
      shape: { x1: low[0] + shift, y1: low[1], x2: high[0] + shift, y2: high[1] },
      style: { stroke: colour, lineWidth: 1.5 },
    };
  },
});

/** A figure as a file of its own: its names count from 0, not over all figures of the process, so that equal figures are equal files. */
export function figureFile(figure: Figure, width: number): string {
  const svg = figureSvg(figure, width);
  const name = /zr\d+-[a-z]+-?\d+/g;
  const names = [...new Set(svg.match(name))];
  return `${svg.replace(name, (found) => `n${names.indexOf(found)}`)}\n`;
}

/** Draws a figure as a stand-alone SVG of the given width in pixels; its names differ from those of all others of the process. */
export function figureSvg(figure: Figure, width: number): string {
  use([BarChart, LineChart, CustomChart, GridComponent, LegendComponent, SVGRenderer]);
  const isCurve = figure.kind === "curve";
  const isNarrow = width < 500;
  const layout = figureLayout(figure, width);
  const { height, isTurned } = layout;
  const colours = coloursOf(figure.series.map((series) => series.name));
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  const axisText = { fontSize: layout.fontSize, color: "#333" };
  const drawn = figure.series.map((series, index) => ({
    type: isCurve ? ("line" as const) : ("bar" as const),
    name: series.name,
    ...(figure.kind === "stacked" ? { stack: "all" } : {}),
    data: isCurve ? series.values.map((value, i) => [figure.x[i], value]) : series.values,
    barCategoryGap: "24%",
    barGap: "0%",
    connectNulls: true,
    ...(isCurve && series.published ? { symbol: "diamond", symbolSize: 14 } : { symbolSize: 7 }),
    lineStyle: { width: 2.5, type: series.published ? ("dashed" as const) : ("solid" as const) },
    itemStyle:
      series.published && !isCurve
        ? {
            color: "#ffffff",
            borderColor: colours[index],
            borderWidth: 2,
            borderType: "dashed" as const,
          }
        : { color: colours[index] },
    color: colours[index],
    label: {
      show: figure.kind === "bars" && !series.low && figure.x.length * figure.series.length <= (isNarrow ? 6 : 16),
      position: "top" as const,
      fontSize: isNarrow ? 9 : 11,
      formatter: ({ value }: { value: unknown }) => (typeof value === "number" ? short(value) : ""),
    },
  }));
  const spreads = figure.series.flatMap((series, index) =>
    series.low && series.high && figure.kind !== "stacked"
      ? [whiskers(series, index, figure.series.length, figure, isCurve ? colours[index] : "#222")]
      : [],
  );
  chart.setOption({
    animation: false,
    textStyle: { fontFamily: "system-ui, sans-serif" },
    grid: { left: 52, right: 22, top: 34, bottom: layout.bottom, outerBoundsMode: "none" },
    legend: {
      bottom: 0,
      height: layout.legendHeight,
      itemGap: legendItemGap,
      itemWidth: 16,
      itemHeight: 10,
      textStyle: axisText,
      data: figure.series.map((s) => s.name),
    },
    xAxis: {
      type: isCurve ? (figure.logX ? "log" : "value") : "category",
      name: figure.xTitle,
      nameLocation: "middle",
      nameGap: layout.labelHeight + 4,
      nameTextStyle: axisText,
      axisLabel: {
        ...axisText,
        interval: 0,
        rotate: isTurned ? 45 : 0,
        lineHeight: 15,
        ...(isCurve ? { interval: "auto", hideOverlap: true, formatter: short } : {}),
      },
      ...(isCurve ? { min: "dataMin", max: "dataMax" } : { data: [...layout.labels] }),
    },
    yAxis: {
      type: figure.logY ? "log" : "value",
      name: figure.yTitle,
      nameTextStyle: { ...axisText, align: "left" },
      axisLabel: { ...axisText, formatter: short },
    },
    series: [...drawn, ...spreads] as never,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
