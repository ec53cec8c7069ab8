"""Kind of step → how it is played on both sides."""

from bench.model import gate_moves, reader_moves, staff_moves

MOVES = {
    "reserve": reader_moves.reserve,
    "act": reader_moves.act,
    "move": reader_moves.move,
    "scan-in": reader_moves.scan_in,
    "scan-out": reader_moves.scan_out,
    "pass": gate_moves.pass_gate,
    "report": gate_moves.report,
    "answer": gate_moves.answer,
    "hear": gate_moves.hear,
    "appeal": staff_moves.appeal,
    "decide": staff_moves.decide,
    "excuse": staff_moves.excuse,
    "close": staff_moves.close_floor,
    "open": staff_moves.open_floor,
    "settle-task": staff_moves.settle_task,
    "sweep": staff_moves.sweep,
    "keep-hours": staff_moves.keep_hours,
    "restart": staff_moves.restart,
}
