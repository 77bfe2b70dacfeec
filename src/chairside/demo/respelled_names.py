"""Everyday names from other scripts, as their bearers spell them in Latin letters."""

from .everyday_names import Everyday, bands, called, names

CHINESE = Everyday(
    key="chinese",
    share=0.03,
    language="Mandarin",
    female=bands("Xiuying Meiling Xiaohong Yan Li-Hua Jingyi Yuhan Zixuan Hsiao-Mei Qian Lü Fangfang"),
    male=bands("Wei Jianguo Zhiming Haoran Guowei Xiaoming Chih-Wei Zihao Yichen Bo Jun Ming-Che"),
    surnames=names("Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Hsu Ouyang Lü Tsai Kwok Cheung"),
    english_name=0.5,
)

KOREAN = Everyday(
    key="korean",
    share=0.02,
    language="Korean",
    female=bands("Ji-woo Seo-yeon Min-ji Soo-jin Eun-hye Young-hee Ha-eun Mi-sook Hye-jin Yuna"),
    male=bands("Min-jun Seo-jun Dong-hyun Sung-ho Young-soo Ji-ho Jae-won Kyung-min Hyun-woo Tae-yang"),
    surnames=names("Kim Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Shin"),
    english_name=0.5,
)

ARABIC = Everyday(
    key="arabic",
    share=0.02,
    language="Arabic",
    female=bands("Fatima Aisha Layla Maryam Noor Zaynab Huda Salma Rania Yasmin Khadija Amira"),
    male=bands("Muhammad Ahmed Omar Khalid Yusuf Hassan Ibrahim Tariq Abdul-Rahman Mustafa Samir Bilal"),
    surnames=names("Al-Hassan Al-Masri El-Sayed Haddad Khoury Mansour Abu_Khalil Ben_Youssef Nasser Saleh"),
    called=called("Muhammad=Mo Yusuf=Joe Abdul-Rahman=Abdul Khadija=Dija"),
)

INDIAN = Everyday(
    key="indian",
    share=0.02,
    language="Hindi",
    female=bands("Priya Ananya Lakshmi Sunita Kavita Deepa Aaradhya Meenakshi Pooja Shreya Harpreet Padma"),
    male=bands("Rajesh Arjun Venkatesh Sanjay Vikram Aditya Suresh Rohan Ravi Krishnan Gurpreet Manoj"),
    surnames=names("Patel Sharma Raghunathan Iyer Singh Venkataraman Gupta Reddy Mukherjee Nair Chakraborty Kaur"),
    called=called("Venkatesh=Venky Rajesh=Raj Lakshmi=Lucky Vikram=Vik Meenakshi=Meena Aditya=Adi"),
)

EAST_SLAVIC = Everyday(
    key="east_slavic",
    share=0.02,
    language="Russian",
    female=bands("Svitlana Oksana Tatyana Yelena Lyudmyla Natalia Iryna Ekaterina Anastasiya Daryna Olha"),
    male=bands("Dmitri Volodymyr Sergei Oleksandr Aleksey Yevhen Mikhail Bohdan Nikolai Andriy Vladislav"),
    surnames=names(
        "Kovalenko Shevchenko Petrenko Bondarenko Tkachuk Melnyk Ivanenko Sokol Reznik Zhuk Kravets Shcherbyna"
    ),
    called=called(
        "Dmitri=Dima Aleksey=Alyosha Tatyana=Tanya Natalia=Natasha Ekaterina=Katya Mikhail=Misha Oleksandr=Sasha"
    ),
)

ALL = (CHINESE, KOREAN, ARABIC, INDIAN, EAST_SLAVIC)
