//! Small pictures as numbers for inline SVG: attributes only, since no inline style is allowed.

/// A line through `values` (0 to 100, oldest first) in a box of `width` by `height`.
#[derive(Debug, Clone)]
pub struct Line {
    /// Points of a polyline.
    pub points: String,
    /// The last point, to be marked.
    pub last: (String, String),
}

/// The line, scaled between its lowest and highest value but never over less than ten points, so
/// that a quiet month looks quiet. None where there are fewer than two values.
pub fn line(values: &[f64], width: f64, height: f64) -> Option<Line> {
    if values.len() < 2 {
        return None;
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let reach = (high - low).max(10.0);
    let bottom = low.midpoint(high) - reach / 2.0;
    let step = (width - 8.0) / (values.len() - 1) as f64;
    let points: Vec<(String, String)> = values
        .iter()
        .enumerate()
        .map(|(place, value)| {
            let x = 4.0 + step * place as f64;
            let y = height - 4.0 - (height - 8.0) * (value - bottom) / reach;
            (format!("{x:.1}"), format!("{y:.1}"))
        })
        .collect();
    let text = points.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ");
    points.last().cloned().map(|last| Line { points: text, last })
}

/// The width of a bar, 0 to 100, that shows `part` of `whole`; anything at all stays visible.
pub fn bar(part: i64, whole: i64) -> String {
    if whole <= 0 || part <= 0 {
        return "0".into();
    }
    let share = (100.0 * part as f64 / whole as f64).clamp(0.8, 100.0);
    format!("{share:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_in_its_box_and_needs_two_points() {
        assert!(line(&[50.0], 100.0, 40.0).is_none());
        let rising = line(&[0.0, 100.0], 100.0, 40.0).expect("two points");
        assert_eq!(rising.points, "4.0,36.0 96.0,4.0");
        let still = line(&[50.0, 50.0, 50.0], 100.0, 40.0).expect("three points");
        assert_eq!(still.last, ("96.0".into(), "20.0".into()));
    }

    #[test]
    fn a_bar_shows_one_of_many() {
        assert_eq!([bar(0, 5), bar(1, 100_000), bar(5, 5), bar(1, 0)], ["0", "0.8", "100.0", "0"]);
    }
}
