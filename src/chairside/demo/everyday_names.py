"""Tables of everyday names by language, three given-name bands each where fashion changed."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Everyday:
    """One language's common names, and the library's locales to draw the rest from."""

    key: str
    share: float
    language: str | None = None
    given_locale: str | None = None
    surname_locale: str | None = None
    female: tuple[tuple[str, ...], ...]  # for the old, the middle, the young
    male: tuple[tuple[str, ...], ...]
    surnames: tuple[str, ...]
    doubled_with: str = ""  # what stands between two surnames, where some bear two
    called: dict[str, str] = field(default_factory=dict)
    english_name: float = 0.0


def bands(*lines: str) -> tuple[tuple[str, ...], ...]:
    """Three pools from three lines, or three times the pool of one line."""
    made = tuple(names(line) for line in lines)
    return made if len(made) == 3 else made * 3


def names(line: str) -> tuple[str, ...]:
    """The names of a line; an underscore stands for a space within a name."""
    return tuple(name.replace("_", " ") for name in line.split())


def called(line: str) -> dict[str, str]:
    """Given name to nickname, from pairs such as Robert=Bob."""
    return dict(pair.split("=") for pair in line.split())


ENGLISH = Everyday(
    key="english",
    share=0.39,
    doubled_with="-",
    given_locale="en",
    surname_locale="en",
    female=bands(
        "Dorothy Betty Margaret Barbara Patricia Judith Carol Nancy Shirley Helen Ruth Virginia Joan Elizabeth Susan",
        "Jennifer Elizabeth Katherine Jessica Deborah Christine Rebecca Pamela Amanda Melissa Kimberly "
        "Stephanie Sarah Angela Theresa Michelle Victoria Samantha Laura Cynthia Denise Tiffany Latoya "
        "Keisha",
        "Olivia Emma Ava Abigail Madison Elizabeth Isabella Hannah Chloe Lily Grace Zoe Alexandra Harper "
        "Nora Kayla Aaliyah Brooklyn Penelope Imani",
    ),
    male=bands(
        "Robert William James Harold Richard Donald Charles Walter Eugene Gerald Raymond Lawrence Kenneth Frank",
        "Michael Christopher Matthew Daniel Robert Thomas William Jeffrey Timothy Gregory Anthony "
        "Benjamin Joseph Jonathan Andrew Steven Edward Marcus Darnell Nicholas Joshua Samuel Brandon "
        "Terrence",
        "Liam Noah William Benjamin Jackson Alexander Ethan Jacob Mason Logan Elijah Jayden Theodore "
        "Henry Samuel Nathaniel Isaiah Xavier Caleb Owen",
    ),
    surnames=names(
        "Smith Johnson Williams Brown Jones Davis Miller Wilson Moore Taylor Anderson Jackson Harris "
        "Clark Lewis Robinson Walker Young Allen King Wright Scott Hill Green Baker Nelson Carter "
        "Mitchell Washington Freeman St._James "
        "Fitzgerald"
    ),
    called=called(
        "Elizabeth=Liz Katherine=Kate Margaret=Peggy Deborah=Debbie Patricia=Patty Barbara=Barb "
        "Judith=Judy Jennifer=Jen Rebecca=Becky Christine=Chris Pamela=Pam Kimberly=Kim Stephanie=Steph "
        "Theresa=Terri Victoria=Vicky Samantha=Sam Cynthia=Cindy Abigail=Abby Madison=Maddie "
        "Alexandra=Lexi Susan=Sue Dorothy=Dottie Isabella=Bella Penelope=Penny Robert=Bob William=Bill "
        "James=Jim Richard=Dick Donald=Don Charles=Chuck Gerald=Jerry Raymond=Ray Lawrence=Larry "
        "Kenneth=Ken Michael=Mike Christopher=Chris Matthew=Matt Daniel=Dan Thomas=Tom Jeffrey=Jeff "
        "Timothy=Tim Gregory=Greg Anthony=Tony Benjamin=Ben Joseph=Joe Jonathan=Jon Andrew=Andy "
        "Steven=Steve Edward=Ted Nicholas=Nick Joshua=Josh Samuel=Sam Alexander=Alex Jacob=Jake "
        "Theodore=Theo Nathaniel=Nate Jackson=Jack"
    ),
)

SPANISH = Everyday(
    key="spanish",
    share=0.18,
    doubled_with=" ",
    language="Spanish",
    given_locale="es",
    surname_locale="es-mx",
    female=bands(
        "María Guadalupe Rosa Carmen Josefina Teresa Socorro Mercedes Concepción Inés Ángela Esperanza Rosario",
        "María Guadalupe Sofía Mónica Verónica Lucía Beatriz Alejandra Isabel Rocío Leticia Graciela Belén Araceli",
        "Sofía Camila Valentina Ximena Lucía Mía Isabella Renata Daniela Abigaíl Noemí Zoé Itzel Regina",
    ),
    male=bands(
        "José Juan Francisco Jesús Ramón Ignacio Manuel Ángel Rubén Tomás Guillermo Ernesto Alfonso",
        "José_Luis Francisco Jesús Héctor Andrés Raúl Óscar Eduardo Sergio Alejandro Martín Iván Germán Víctor",
        "Santiago Mateo Sebastián Diego Joaquín Emiliano Adrián Julián Ángel Nicolás Matías Iker Gael Tadeo",
    ),
    surnames=names(
        "García Hernández Martínez López González Rodríguez Pérez Sánchez Ramírez Flores Gutiérrez Núñez "
        "Peña Muñoz Ibáñez Jiménez de_la_Cruz de_la_Fuente "
        "de_León del_Río Castañeda"
    ),
    called=called(
        "Guadalupe=Lupe Francisco=Paco José=Pepe Jesús=Chuy Ignacio=Nacho Manuel=Manny Concepción=Concha "
        "Mercedes=Meche Socorro=Coco Josefina=Fina Rosario=Chayo Guillermo=Memo Eduardo=Lalo "
        "Alejandro=Álex Alejandra=Ale Beatriz=Bety Graciela=Chela Santiago=Santi Sebastián=Sebas "
        "Valentina=Vale Daniela=Dani Isabel=Chabela Ernesto=Neto Alfonso=Poncho"
    ),
)

IRISH = Everyday(
    key="irish",
    share=0.06,
    female=bands(
        "Siobhán Bridget Maeve Aoife Niamh Róisín Kathleen Eileen Deirdre Nora Caitlín Gráinne Maureen Sinéad"
    ),
    male=bands("Seán Patrick Brendan Kevin Colm Declan Ronan Liam Eoin Cormac Desmond Fergus Pádraig Oisín Kieran"),
    surnames=names(
        "O'Brien O'Connor O'Neill O'Sullivan O'Malley O'Donnell O'Reilly O'Hara O'Leary Ó_Súilleabháin "
        "Murphy Kelly Byrne Ryan Walsh McCarthy McLoughlin MacDonagh Gallagher Doherty Kennedy Lynch "
        "Quinn Fitzpatrick Flanagan Ní_Dhomhnaill Nolan Brennan"
    ),
    called=called("Patrick=Paddy Kathleen=Kathy Bridget=Bridie Brendan=Bren Desmond=Des Maureen=Mo Pádraig=Pat"),
)

GERMAN = Everyday(
    key="german",
    share=0.06,
    doubled_with="-",
    language="German",
    given_locale="de",
    surname_locale="de",
    female=bands("Käthe Ursula Bärbel Renate Johanna Annelise Claudia Jürgine Katharina Mareike Sabine Hannelore"),
    male=bands("Jürgen Günther Jörg Götz Heinrich Wolfgang Johannes Klaus Matthias Friedrich Sönke Lukas Stefan"),
    surnames=names(
        "Müller Schröder König Weiß Böhm Krüger Schäfer Jäger Köhler Vogel Becker Hoffmann von_Bergen "
        "von_der_Heide von_Dahlen zu_Bruck Großmann Strauß"
    ),
    called=called("Johannes=Hans Friedrich=Fritz Katharina=Käthe Heinrich=Heinz Matthias=Matze Johanna=Hanna"),
)

FRENCH = Everyday(
    key="french",
    share=0.05,
    doubled_with="-",
    language="French",
    given_locale="fr",
    surname_locale="fr",
    female=bands("Hélène Françoise Geneviève Élise Zoé Chloé Amélie Noémie Aurélie Océane Célestine Anaïs Marie-Ève"),
    male=bands("François Rémi Jérôme Étienne Benoît Jean-Luc Noël Loïc Théo Grégoire Hervé Aimé Jean-François Maël"),
    surnames=names(
        "Lefèvre Côté Bélanger Gagné Dubé Lévesque Thériault Benoît Beauséjour Desrosiers de_la_Tour "
        "de_Beaumont d'Aubigné L'Heureux Saint-Pierre Le_Gall Boucher"
    ),
    called=called("Geneviève=Gigi Françoise=Fanchon Étienne=Steve Jean-Luc=JL Célestine=Céleste Jean-François=Jeff"),
)

POLISH = Everyday(
    key="polish",
    share=0.05,
    doubled_with="-",
    language="Polish",
    given_locale="pl",
    surname_locale="pl",
    female=bands("Małgorzata Katarzyna Elżbieta Agnieszka Bożena Grażyna Łucja Zofia Joanna Anna Wiesława Róża"),
    male=bands("Łukasz Paweł Rafał Stanisław Michał Władysław Krzysztof Zbigniew Jarosław Tomasz Wojciech Józef"),
    surnames=names(
        "Wójcik Dąbrowski Łuczak Kowalczyk Wiśniewski Kamiński Żukowski Świderski Szczepański Górski "
        "Pająk Zając Błaszczyk Jabłoński Woźniak Krawczyk"
    ),
    called=called(
        "Małgorzata=Gosia Katarzyna=Kasia Elżbieta=Ela Agnieszka=Aga Joanna=Asia Krzysztof=Krzysiek "
        "Stanisław=Staszek Tomasz=Tomek Wojciech=Wojtek Paweł=Paul Zofia=Zosia Michał=Mike"
    ),
)

VIETNAMESE = Everyday(
    key="vietnamese",
    share=0.06,
    language="Vietnamese",
    female=bands("Hương Thảo Lan Mai Phượng Ngọc Thúy Hạnh Yến Trang Kim-Anh Bích Thị_Hoa Ánh Diễm Quỳnh Tuyết Vân"),
    male=bands("Minh Đức Hùng Dũng Tuấn Quang Phúc Thành Vinh Bảo Khôi Anh_Tuấn Hiếu Long Đạt Sơn Trí Văn_Nam"),
    surnames=names(
        "Nguyễn Nguyễn Nguyễn Trần Trần Lê Lê Phạm Phạm Huỳnh Hoàng Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Phan Trương Đinh"
    ),
    english_name=0.4,
)

ITALIAN = Everyday(
    key="italian",
    share=0.04,
    language="Italian",
    given_locale="it",
    surname_locale="it",
    female=bands("Giovanna Francesca Niccolina Felicità Chiara Giulia Concetta Rosaria Antonella Noemi"),
    male=bands("Niccolò Giuseppe Salvatore Giovanni Mosè Domenico Antonio Vincenzo Matteo Luca"),
    surnames=names("Rossi D'Angelo D'Amico De_Luca Di_Marco Della_Rovere Nicolò Esposito Romano Lo_Presti Bianchi"),
    called=called(
        "Giuseppe=Joe Salvatore=Sal Giovanni=Gianni Francesca=Franca Antonio=Tony Vincenzo=Vinny Domenico=Dom"
    ),
)

ALL = (ENGLISH, SPANISH, IRISH, GERMAN, VIETNAMESE, FRENCH, POLISH, ITALIAN)
