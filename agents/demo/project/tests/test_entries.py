import unittest
from datetime import date

from worklog.entries import Entry, LogError, parse_line, parse_log


class ParseLine(unittest.TestCase):
    def test_all_parts(self):
        entry = parse_line("2024-03-04 09:00-10:30 Website: first sketch")
        self.assertEqual(entry, Entry(date(2024, 3, 4), 540, 630, "website", "first sketch"))

    def test_without_a_note(self):
        self.assertEqual(parse_line("2024-03-04 09:00-10:30 support").note, "")

    def test_colon_in_the_note(self):
        entry = parse_line("2024-03-04 13:00-17:15 website: menu: keyboard")
        self.assertEqual((entry.project, entry.note), ("website", "menu: keyboard"))

    def test_overnight(self):
        self.assertEqual(parse_line("2024-03-04 22:00-01:30 support: release").minutes, 210)
        self.assertEqual(parse_line("2024-03-04 23:59-00:00 support").minutes, 1)


class ParseLog(unittest.TestCase):
    def test_passes_over_comments_and_empty_lines(self):
        log = "# March\n\n2024-03-04 09:00-10:00 a\n  # lunch\n2024-03-04 11:00-12:00 b\n"
        self.assertEqual([entry.project for entry in parse_log(log)], ["a", "b"])

    def test_says_which_line_is_wrong(self):
        with self.assertRaisesRegex(LogError, "line 2: "):
            parse_log("2024-03-04 09:00-10:00 a\nyesterday, all day\n")


if __name__ == "__main__":
    unittest.main()
