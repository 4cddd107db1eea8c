// How the host tells the device about cold rows on the mixed route, inside the id words of the batch (and nowhere else, so a
// batch costs no bytes beyond its words): the low 30 bits are a row of the table on the device (a hot row, or
// behind them a cold slot). The first
// occurrence in the batch of a row that was fetched for it carries `fetch_bit`: fetched rows arrive packed in the order of
// these marks. The first occurrence of a row that goes back to the host after the batch carries `write_bit`, packed likewise.
#pragma once

#include <cstdint>

namespace fae::cuda {

constexpr uint32_t cold_row_mask = 0x3fffffffu;
constexpr uint32_t fetch_bit = 0x40000000u;
constexpr uint32_t write_bit = 0x80000000u;
// A word that names no row stays 0xffffffff; no real row number has all 30 bits set.

}  // namespace fae::cuda
