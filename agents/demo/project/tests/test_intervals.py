import unittest

from worklog.intervals import clip, gaps, merge, total


class Clip(unittest.TestCase):
    def test_cuts_both_ends(self):
        self.assertEqual(clip((10, 50), 20, 40), (20, 40))

    def test_nothing_left(self):
        self.assertIsNone(clip((10, 20), 20, 40))


class Merge(unittest.TestCase):
    def test_overlapping(self):
        self.assertEqual(merge([(30, 50), (10, 40)]), [(10, 50)])

    def test_one_inside_the_other(self):
        self.assertEqual(merge([(10, 90), (20, 30)]), [(10, 90)])

    def test_touching(self):
        self.assertEqual(merge([(10, 20), (20, 30)]), [(10, 30)])

    def test_apart(self):
        self.assertEqual(merge([(40, 50), (10, 20)]), [(10, 20), (40, 50)])

    def test_none(self):
        self.assertEqual(merge([]), [])


class Total(unittest.TestCase):
    def test_counts_overlaps_once(self):
        self.assertEqual(total([(0, 60), (30, 90), (120, 150)]), 120)


class Gaps(unittest.TestCase):
    def test_between(self):
        self.assertEqual(gaps([(60, 120), (150, 180)], 60, 200), [(120, 150), (180, 200)])

    def test_intervals_that_reach_over_the_ends(self):
        self.assertEqual(gaps([(0, 100), (300, 500)], 60, 400), [(100, 300)])

    def test_nothing_planned(self):
        self.assertEqual(gaps([], 60, 120), [(60, 120)])


if __name__ == "__main__":
    unittest.main()
