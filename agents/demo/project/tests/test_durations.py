import unittest

from worklog.durations import parse, round_up, show


class Parse(unittest.TestCase):
    def test_hours_and_minutes(self):
        self.assertEqual(parse("1h30m"), 90)
        self.assertEqual(parse("2h 5m"), 125)

    def test_fractions_of_an_hour(self):
        self.assertEqual(parse("1.5h"), 90)

    def test_clock_form(self):
        self.assertEqual(parse("1:15"), 75)

    def test_bare_number_is_minutes(self):
        self.assertEqual(parse("45"), 45)
        self.assertEqual(parse(" 120 "), 120)

    def test_refuses_what_is_no_duration(self):
        for text in ("", "soon", "1h x", "h"):
            with self.subTest(text=text), self.assertRaises(ValueError):
                parse(text)


class Show(unittest.TestCase):
    def test_both_parts(self):
        self.assertEqual(show(95), "1h 35m")
        self.assertEqual(show(61), "1h 01m")

    def test_one_part(self):
        self.assertEqual(show(120), "2h")
        self.assertEqual(show(7), "7m")


class RoundUp(unittest.TestCase):
    def test_to_the_next_quarter(self):
        self.assertEqual(round_up(31), 45)
        self.assertEqual(round_up(30), 30)

    def test_other_steps(self):
        self.assertEqual(round_up(31, 6), 36)


if __name__ == "__main__":
    unittest.main()
