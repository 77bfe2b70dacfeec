"""Phone numbers nobody has, typed the many ways people type them."""

from .dice import Dice
from .places import REGIONS, listed

# 555-0100 to 555-0199 is the block the North American numbering plan keeps for fiction, in every area code.
# 555-0100 itself is left to the practice and the employers.
_LINES = tuple(f"5550{line}" for line in range(101, 200))

_AREA_CODES = listed("""
201 202 203 205 206 207 208 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252
253 256 260 262 267 269 270 272 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319
320 321 323 325 330 331 334 336 337 339 346 347 351 352 360 361 385 386 401 402 404 405 406 407 408 409 410
412 413 414 415 417 419 423 424 425 430 432 434 435 440 443 458 469 470 475 478 479 480 484 501 502 503 504
505 507 508 509 510 513 515 516 517 518 520 531 534 539 540 541 551 559 561 562 563 567 570 571 573 574 575
580 585 586 601 602 603 605 606 607 608 609 610 612 615 616 617 618 619 620 623 626 628 629 630 631 636 641
646 650 651 657 660 661 662 667 669 678 681 682 701 702 703 704 706 707 708 712 713 714 715 716 717 718 719
720 724 725 727 731 732 734 747 754 757 760 762 763 765 769 770 772 773 774 775 779 781 785 786 801 802 803
804 805 806 808 810 812 813 814 815 816 817 818 828 831 832 843 845 847 848 850 854 856 857 858 859 860 862
863 864 865 870 872 878 901 903 904 906 907 908 909 910 912 913 914 915 917 918 919 920 925 928 929 931 936
937 938 940 941 947 949 951 952 954 956 959 970 971 972 973 978 979 980 984 985
""")

_SHAPES = (
    "({0}) {1}-{2}",
    "({0}) {1}-{2}",
    "{0}-{1}-{2}",
    "{0}-{1}-{2}",
    "{0}.{1}.{2}",
    "{0}{1}{2}",
    "{0} {1} {2}",
    "+1 {0} {1} {2}",
    "1-{0}-{1}-{2}",
)


def typed(dice: Dice, digits: str) -> str:
    """Ten digits the way some person would write them."""
    return dice.pick(_SHAPES).format(digits[:3], digits[3:6], digits[6:])


class PhoneBook:
    """Hands out ten-digit numbers, each once until its pool is used up; then the pool begins again.

    About 28,000 numbers exist outside the practice's regions and 396 in each region, so a demo of 500
    patients shares a number only where people share a phone; a million patients must share.
    """

    def __init__(self, dice: Dice) -> None:
        self._local = [
            dice.shuffled([code + line for code in region.area_codes for line in _LINES]) for region in REGIONS
        ]
        self._far = dice.shuffled([code + line for code in _AREA_CODES for line in _LINES])
        self._local_given = [0] * len(REGIONS)
        self._far_given = 0

    def local(self, region: int) -> str:
        """A number of the region while it has any left, then one from anywhere."""
        given = self._local_given[region]
        if given == len(self._local[region]):
            return self.far()
        self._local_given[region] = given + 1
        return self._local[region][given]

    def far(self) -> str:
        """A number from another part of the country, as a phone keeps when its owner moves."""
        self._far_given += 1
        return self._far[(self._far_given - 1) % len(self._far)]
