//! Instants in text, as logs have them. It knows no clock and no zones but offsets.

const std = @import("std");

/// Microseconds since the epoch; null: the text is no time.
pub fn parse(text: []const u8) ?i64 {
    var rest: Rest = .{ .text = std.mem.trim(u8, text, " \t\r\n") };
    const is_web_server = rest.text.len > 2 and rest.text[2] == '/';
    const micros = (if (is_web_server) webServer(&rest) else rfc3339(&rest)) orelse return null;
    return if (rest.text.len == 0) micros else null;
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// What is left of a text.
const Rest = struct {
    text: []const u8,

    /// A number of so many digits, up to a greatest one.
    fn number(self: *Rest, digits: usize, max: i64) ?i64 {
        if (self.text.len < digits) return null;
        var value: i64 = 0;
        for (self.text[0..digits]) |digit| {
            if (!std.ascii.isDigit(digit)) return null;
            value = value * 10 + (digit - '0');
        }
        self.text = self.text[digits..];
        return if (value <= max) value else null;
    }

    /// One of some characters.
    fn oneOf(self: *Rest, chars: []const u8) ?u8 {
        if (self.text.len == 0 or std.mem.indexOfScalar(u8, chars, self.text[0]) == null) return null;
        defer self.text = self.text[1..];
        return self.text[0];
    }
};

fn rfc3339(rest: *Rest) ?i64 {
    const year = rest.number(4, 9999) orelse return null;
    _ = rest.oneOf("-") orelse return null;
    const month = rest.number(2, 12) orelse return null;
    _ = rest.oneOf("-") orelse return null;
    const day = rest.number(2, 31) orelse return null;
    _ = rest.oneOf("Tt ") orelse return null;
    return instant(year, month, day, rest);
}

fn webServer(rest: *Rest) ?i64 {
    const day = rest.number(2, 31) orelse return null;
    _ = rest.oneOf("/") orelse return null;
    if (rest.text.len < 3) return null;
    const at = std.mem.indexOf(u8, months, rest.text[0..3]) orelse return null;
    if (at % 3 != 0) return null;
    rest.text = rest.text[3..];
    _ = rest.oneOf("/") orelse return null;
    const year = rest.number(4, 9999) orelse return null;
    _ = rest.oneOf(":") orelse return null;
    return instant(year, @intCast(at / 3 + 1), day, rest);
}

/// A day, and the time and offset that are left.
fn instant(year: i64, month: i64, day: i64, rest: *Rest) ?i64 {
    const time_us = time(rest) orelse return null;
    const offset_s = offset(rest) orelse return null;
    const is_leap = @mod(year, 4) == 0 and (@mod(year, 100) != 0 or @mod(year, 400) == 0);
    const days: i64 = switch (month) {
        2 => if (is_leap) 29 else 28,
        4, 6, 9, 11 => 30,
        1, 3, 5, 7, 8, 10, 12 => 31,
        else => return null,
    };
    if (day < 1 or day > days) return null;
    return (daysSinceEpoch(year, month, day) * std.time.s_per_day - offset_s) * std.time.us_per_s + time_us;
}

/// `12:30:00`, with a fraction perhaps: microseconds of the day.
fn time(rest: *Rest) ?i64 {
    const hour = rest.number(2, 23) orelse return null;
    _ = rest.oneOf(":") orelse return null;
    const minute = rest.number(2, 59) orelse return null;
    _ = rest.oneOf(":") orelse return null;
    // Second 60 is the first of the next minute.
    const second = rest.number(2, 60) orelse return null;
    var fraction_us: i64 = 0;
    if (rest.oneOf(".,") != null) {
        var unit: i64 = 100_000;
        const digits = rest.text;
        while (rest.oneOf("0123456789")) |digit| : (unit = @divTrunc(unit, 10)) {
            // Nothing is cut off.
            if (unit == 0 and digit != '0') return null;
            fraction_us += unit * (digit - '0');
        }
        if (rest.text.len == digits.len) return null;
    }
    return (hour * 3600 + minute * 60 + second) * std.time.us_per_s + fraction_us;
}

/// `Z`, `+02:00`, `+0200`, ` +0200`, or nothing: seconds.
fn offset(rest: *Rest) ?i64 {
    _ = rest.oneOf(" ");
    if (rest.text.len == 0 or rest.oneOf("Zz") != null) return 0;
    const sign: i64 = if ((rest.oneOf("+-") orelse return null) == '+') 1 else -1;
    const hours = rest.number(2, 23) orelse return null;
    _ = rest.oneOf(":");
    const minutes = rest.number(2, 59) orelse return null;
    return sign * (hours * 3600 + minutes * 60);
}

/// Days of the Gregorian calendar, in years that begin in March, so that a leap day is the last of its year.
fn daysSinceEpoch(calendar_year: i64, month: i64, day: i64) i64 {
    const year = if (month <= 2) calendar_year - 1 else calendar_year;
    const era = @divFloor(year, 400);
    const year_of_era = @mod(year, 400);
    const day_of_year = @divTrunc(153 * (if (month > 2) month - 3 else month + 9) + 2, 5) + day - 1;
    const day_of_era = year_of_era * 365 + @divTrunc(year_of_era, 4) - @divTrunc(year_of_era, 100) + day_of_year;
    return era * 146_097 + day_of_era - 719_468;
}
