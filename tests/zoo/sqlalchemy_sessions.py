"""SQLAlchemy's sessions over SQLite, in threads, with relationships that are loaded late."""

import tempfile
from concurrent.futures import ThreadPoolExecutor

import rounds
from sqlalchemy import ForeignKey, create_engine, delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def read(engine, start: int) -> list[tuple[str, list[str]]]:
    with Session(engine) as session:
        authors = session.scalars(select(Author).where(Author.id % 4 == start).order_by(Author.id))
        return [(author.name, [book.title for book in author.books]) for author in authors]


def work(engine, threads) -> list[object]:
    with Session(engine) as session:
        session.execute(delete(Book))
        session.execute(delete(Author))
        for number in range(60):
            books = [Book(title=f"{number}, volume {volume}") for volume in range(number % 7)]
            session.add(Author(id=number, name=f"author {number}", books=books))
        session.commit()
    return [part.result() for part in [threads.submit(read, engine, start) for start in range(4)]]


if __name__ == "__main__":
    rounds.install()
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(4) as threads:
        engine = create_engine(f"sqlite:///{place}/books.db")
        Base.metadata.create_all(engine)
        rounds.run(lambda: work(engine, threads))
        engine.dispose()
